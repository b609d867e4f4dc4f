"""SNTP in virtual time: what counts as an answer, what is refused, and how often somebody is asked."""
import random

import pytest
import sntp
from connections import YOUNG_MS, Connections, Door
from sntp import ANSWER_MS, ASKING, RESOLVE_MS, RESOLVING, RESTING, TRANSITIONS, Sntp
from wall import WallClock

from host_tests.fakes.time_server import TimeServer, answer_to

WRAP = 1 << 30
HOUR_MS = 3600000
NOW_S = 1795327212  # 2026-11-22


class Bench:
    def __init__(self, start_ms=0, every_h=24, seed=1, pool=None):
        self.server = TimeServer(NOW_S)
        self.wall = WallClock()
        self.now_ms = start_ms
        self.passed_ms = 0
        self.machine = Sntp("pool.example", every_h, self.server, self.wall, seed, start_ms, pool)
        self.seen = []
        enter = self.machine._enter

        def checked(state, now_ms):
            self.seen.append((self.machine.state, state))
            assert self.seen[-1] in TRANSITIONS
            enter(state, now_ms)

        self.machine._enter = checked

    def run(self, ms, step_ms=100):
        for _ in range(max(1, ms // step_ms)):
            self.now_ms = (self.now_ms + step_ms) % WRAP
            self.passed_ms += step_ms
            self.machine.step(self.now_ms)
            self.wall.step(self.now_ms)
            assert self.server.is_open == (self.machine.state == ASKING), "a socket only while somebody waits"

    def time(self):
        return self.wall.text(self.now_ms, self.now_ms) if self.wall.valid else None


@pytest.fixture
def bench():
    return Bench()


def test_it_asks_at_the_start_and_knows_the_time(bench):
    bench.run(500)
    assert bench.server.asked == [("pool.example", 123)]
    assert len(bench.server.questions) == 1
    assert bench.time() == b"%d" % NOW_S and bench.machine.answers == 1


def test_a_question_is_that_of_a_client_and_says_nothing_about_the_box(bench):
    bench.run(500)
    question = bench.server.questions[0]
    assert len(question) == 48 and question[0] == 0x23
    assert set(question[1:40]) == {0}


def test_no_two_questions_carry_the_same_number(bench):
    bench.server.answers = None
    bench.run(HOUR_MS, 1000)
    numbers = {question[40:48] for question in bench.server.questions}
    assert len(numbers) == len(bench.server.questions) > 3


@pytest.mark.parametrize("start_ms", [0, WRAP - 300, WRAP - HOUR_MS])
@pytest.mark.parametrize("every_h", [1, 24, 168])
def test_it_asks_again_after_every_h_and_not_before(start_ms, every_h):
    bench = Bench(start_ms, every_h)
    bench.run(1000)
    bench.run(every_h * HOUR_MS - 10000, 10000)
    assert len(bench.server.questions) == 1
    bench.server.unix_s += every_h * 3600
    bench.run(30000)
    assert len(bench.server.questions) == 2 and bench.machine.answers == 2


def test_half_of_the_way_there_and_back_is_added(bench):
    held = []
    bench.server.answers = lambda question: held.append(answer_to(question, NOW_S)) or b""
    bench.run(500)
    bench.run(2000)
    bench.server.waiting = held
    bench.run(100)
    # the question went out 2.3 s before
    assert bench.time() == b"%d" % (NOW_S + 1)


@pytest.mark.parametrize(("fraction", "after_ms", "expected"), [(0, 900, 0), (0x8000, 400, 0), (0x8000, 600, 1), (0xFFFF, 100, 1)])
def test_the_fraction_of_a_second_counts(bench, fraction, after_ms, expected):
    bench.server.answers = lambda question: answer_to(question, NOW_S, fraction)
    while not bench.wall.valid:
        bench.run(10, 10)
    bench.run(after_ms, 10)
    assert bench.time() == b"%d" % (NOW_S + expected)


# -- what is refused --------------------------------------------------------------------------------------------------------


def altered(at, value):
    def answer(question):
        packet = answer_to(question, NOW_S)
        packet[at] = value
        return packet

    return answer


BAD = {
    "mode 3": lambda q: answer_to(q, NOW_S, mode=3),
    "mode 5": lambda q: answer_to(q, NOW_S, mode=5),
    "stratum 16": lambda q: answer_to(q, NOW_S, stratum=16),
    "stratum 255": lambda q: answer_to(q, NOW_S, stratum=255),
    "a server that does not know the time": lambda q: answer_to(q, NOW_S, leap=3),
    "another origin, first byte": lambda q: bytes(24) + bytes([q[40] ^ 1]) + bytes(answer_to(q, NOW_S))[25:],
    "another origin, last byte": lambda q: bytes(answer_to(q, NOW_S))[:31] + bytes([q[47] ^ 1]) + bytes(answer_to(q, NOW_S))[32:],
    "an origin of zeros": lambda q: answer_to(bytes(48), NOW_S),
    "an origin of ones": lambda q: answer_to(b"\xff" * 48, NOW_S),
    "47 bytes": lambda q: answer_to(q, NOW_S)[:47],
    "one byte": lambda q: b"\x24",
    "1970": lambda q: answer_to(q, 0),
    "2025": lambda q: answer_to(q, 1767225599),
    "2100": lambda q: answer_to(q, 4102444800),
    "zeros": lambda q: bytes(48),
    "its own question": lambda q: q,
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD.keys())
def test_a_bad_answer_is_refused_and_the_good_one_behind_it_counts(bench, answer):
    bench.server.answers = answer
    bench.run(1000)
    assert not bench.wall.valid and bench.machine.refused == 1 and bench.machine.state == ASKING
    bench.server.waiting.append(answer_to(bench.server.questions[-1], NOW_S))
    bench.run(100)
    assert bench.wall.valid


@pytest.mark.parametrize("unix_s", [1767225600, NOW_S, 2085978495, 2085978496, 2147483648, 4102444799])
def test_every_second_from_2026_to_2099_is_plausible_also_when_the_counter_began_anew(bench, unix_s):
    bench.server.unix_s = unix_s
    bench.run(500)
    assert bench.time() == b"%d" % unix_s


@pytest.mark.parametrize(("stratum", "leap"), [(1, 0), (2, 1), (3, 2), (15, 0)])
def test_every_server_that_knows_the_time_will_do_also_before_a_leap_second(bench, stratum, leap):
    bench.server.answers = lambda question: answer_to(question, NOW_S, stratum=stratum, leap=leap)
    bench.run(500)
    assert bench.time() == b"%d" % NOW_S and bench.machine.refused == 0


@pytest.mark.parametrize("packet_bytes", [48, 60, 68])
def test_an_answer_may_have_extensions_behind_it(bench, packet_bytes):
    bench.server.answers = lambda question: bytes(answer_to(question, NOW_S)) + bytes(packet_bytes - 48)
    bench.run(500)
    assert bench.wall.valid


def test_who_is_sent_away_does_not_come_back_before_the_usual_time(bench):
    bench.server.answers = lambda question: answer_to(question, NOW_S, stratum=0)
    bench.run(23 * HOUR_MS, 10000)
    assert len(bench.server.questions) == 1 and not bench.wall.valid
    bench.run(2 * HOUR_MS, 10000)
    assert len(bench.server.questions) == 2


def test_a_forged_goodbye_sends_nobody_away(bench):
    bench.server.answers = lambda question: answer_to(bytes(48), NOW_S, stratum=0)
    bench.run(1000)
    assert bench.machine.state == ASKING and bench.machine.refused == 1


# -- when nothing comes -----------------------------------------------------------------------------------------------------


def no_answer(bench):
    bench.server.answers = None


def no_name(bench):
    bench.server.known = -1


def name_in_doubt(bench):
    bench.server.known = 0


def no_socket(bench):
    bench.server.sockets = False


def broken(bench):
    bench.server.broken = True


@pytest.mark.parametrize("trouble", [no_answer, no_name, name_in_doubt, no_socket, broken])
def test_it_asks_less_and_less_often_but_never_stops(trouble):
    bench = Bench(WRAP - 60000)
    trouble(bench)
    bench.run(600000)
    first = len(bench.server.asked)
    assert 3 <= first <= 40
    bench.run(24 * HOUR_MS, 10000)
    assert 23 <= len(bench.server.asked) - first <= 60
    bench.server.known, bench.server.sockets, bench.server.broken = 1, True, False
    bench.server.answers = lambda question: answer_to(question, NOW_S)
    bench.run(HOUR_MS + 60000, 1000)
    assert bench.wall.valid


def test_a_question_waits_5_s_and_a_name_20_s(bench):
    bench.server.known = 0
    bench.run(100)
    bench.run(RESOLVE_MS - 100)
    assert bench.machine.state == RESOLVING
    bench.run(200)
    assert bench.machine.state == RESTING
    other = Bench()
    other.server.answers = None
    other.run(200)
    assert other.machine.state == ASKING
    other.run(ANSWER_MS - 100)
    assert other.machine.state == ASKING
    other.run(200)
    assert other.machine.state == RESTING


def test_a_socket_that_breaks_is_given_back_at_once(bench):
    bench.server.broken = True
    bench.run(300)
    assert bench.machine.state == RESTING and not bench.server.is_open


def test_boxes_that_have_lost_their_server_together_do_not_come_back_together():
    first_ms = set()
    for box_id in range(10):
        bench = Bench(seed=box_id * 1000 + 7)
        no_name(bench)
        pauses_ms = []
        while len(pauses_ms) < 12:
            bench.machine.step(bench.now_ms)
            bench.machine.step(bench.now_ms)
            assert bench.machine.state == RESTING
            pauses_ms.append(bench.machine._pause_ms)
            bench.now_ms = (bench.now_ms + pauses_ms[-1]) % WRAP
        assert 7500 <= pauses_ms[0] < 15000 and all(1800000 <= pause_ms < HOUR_MS for pause_ms in pauses_ms[9:])
        first_ms.add(pauses_ms[0])
    assert len(first_ms) == 10


class Peer:
    address = "192.0.2.9"
    closed = False

    def close(self):
        self.closed = True


def full_pool(used_by_broker, used_by_page=0):
    """Four sockets for three doors: the broker may have two, the page and the clock one each. Who came first is silent for longest."""
    pool = Connections([Door("broker", None, 2), Door("page", None, 1), Door("spare", None, 1)], 4)
    peers = [Peer() for _ in range(used_by_broker + used_by_page)]
    for i, peer in enumerate(peers):
        door = pool.doors[i < used_by_page]
        pool.open(pool.take(door, i), door, peer, i)
    for slot in pool.slots:
        slot.age(YOUNG_MS + len(peers))
    return pool, peers


def test_the_socket_is_one_of_the_pool_and_goes_back_to_it():
    pool, _ = full_pool(2)
    bench = Bench(pool=pool)
    bench.server.answers = None
    bench.run(500)
    assert bench.machine.state == ASKING and [door.used for door in pool.doors] == [2, 0, 1]
    bench.run(10000)
    assert bench.machine.state == RESTING and [door.used for door in pool.doors] == [2, 0, 0]
    assert all(slot.peer is not bench.server for slot in pool.slots)


@pytest.mark.parametrize(("broker", "page", "closed"), [(4, 0, 0), (3, 1, 1)])
def test_a_socket_that_was_lent_is_taken_back_from_who_has_more_than_its_share(broker, page, closed):
    """(3, 1): the page's is silent for longest, but its own."""
    pool, peers = full_pool(broker, page)
    bench = Bench(pool=pool)
    bench.run(500)
    assert bench.wall.valid and [peer.closed for peer in peers] == [i == closed for i in range(4)]
    assert pool.doors[2].used == 0


def test_a_share_of_its_own_is_not_taken_from_who_is_silent_for_longer():
    pool, peers = full_pool(2, 2)
    for slot in pool.slots:
        slot.active_ms = 50 if slot.peer in peers[:2] else 0
    Bench(pool=pool).run(500)
    assert [peer.closed for peer in peers] == [True, False, False, False]


def test_while_the_pool_can_not_give_one_the_clock_waits():
    pool, peers = full_pool(4)
    for slot in pool.slots:
        slot.young.mark(0)
    bench = Bench(pool=pool)
    bench.run(500)
    assert bench.server.questions == [] and not any(peer.closed for peer in peers)
    for slot in pool.slots:
        slot.age(YOUNG_MS)
    bench.run(60000)
    assert bench.wall.valid


@pytest.mark.parametrize("seed", range(20))
def test_no_answer_whatever_is_in_it_sets_a_time_that_the_server_did_not_say(seed):
    """Random packets, and good ones with a few bytes changed behind the checks."""
    rng = random.Random(seed)
    bench = Bench(rng.randrange(WRAP))

    def answer(question):
        kind = rng.randrange(3)
        if kind == 0:
            return rng.randbytes(rng.randrange(1, 80))
        packet = answer_to(question, NOW_S)
        at = rng.randrange(0, 40) if kind == 1 else rng.randrange(1, 24)
        packet[at] = rng.randrange(256)
        return packet

    bench.server.answers = answer
    for _ in range(200):
        bench.run(20000, 100 if rng.randrange(10) == 0 else 1000)
        if bench.wall.valid:
            assert abs(int(bench.time()) - NOW_S) <= bench.passed_ms // 1000 + 1
            bench.wall.valid = False


def test_a_clock_that_is_set_goes_on_without_the_server(bench):
    bench.run(500)
    bench.server.answers = None
    bench.run(30 * 24 * HOUR_MS, 60000)
    assert int(bench.time()) - NOW_S == pytest.approx(bench.passed_ms // 1000, abs=1)


def test_every_transition_of_the_table_happens():
    seen = set()
    for trouble in (None, no_answer, no_name, no_socket):
        bench = Bench()
        if trouble:
            trouble(bench)
        bench.run(60000)
        seen.update(bench.seen)
    assert seen == set(TRANSITIONS)


def test_nothing_exceeds_30_bits(bench):
    bench.server.unix_s = 4102444799
    bench.run(1000)
    for thing in (bench.machine, bench.wall):
        assert all(abs(v) < WRAP for v in vars(thing).values() if isinstance(v, int))
    assert sntp._LAST_DAY * 864 < WRAP
