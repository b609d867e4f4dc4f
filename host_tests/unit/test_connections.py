"""The pool: whose sockets they are, who may borrow, and who has to go. Eviction as a table."""

import connections
import pytest
from clock import TICKS_MASK, elapsed_ms
from connections import GONE, IDLE_MAX_MS, STALL_MS, YOUNG_MS, Connections, Door, Slot

from host_tests.fakes.peer import Client, Listener


class Pool:
    """The doors of a box with ten sockets, on a clock that wraps after 7 s."""

    def __init__(self, sockets=10):
        self.doors = {
            "broker": Door("broker", Listener(), 4),
            "modbus": Door("modbus", Listener(), 1),
            "page": Door("page", Listener(), 1, first_to_go=True),
            "spare": Door("spare", None, 1),
        }
        self.pool = Connections(list(self.doors.values()), sockets)
        self.now_ms = TICKS_MASK - 7000
        self.sent = 0

    def dial(self, door):
        return Client(self.doors[door].listener, "192.168.1.%d" % len(self.pool.slots))

    def step(self, ms=10):
        self.now_ms = (self.now_ms + ms) & TICKS_MASK
        self.pool.step(self.now_ms)
        for door in self.doors.values():
            assert door.used == len([slot for slot in self.pool.slots if slot.door is door])

    def come(self, door, controller=False, silent_ms=0):
        """A connection that is let in and said its last word so long ago; young as it is."""
        client = self.dial(door)
        self.step(0)
        assert client.accepted
        slot = next(slot for slot in self.pool.slots if slot.peer is client)
        slot.controller = controller
        slot.active_ms = (self.now_ms - silent_ms) & TICKS_MASK
        return client

    def grow_up(self):
        self.step(YOUNG_MS)

    def slot_of(self, client):
        return next(slot for slot in self.pool.slots if slot.peer is client)


def used(pool):
    return {name: door.used for name, door in pool.doors.items() if door.used}


def test_ten_sockets_are_three_listeners_and_seven_connections():
    pool = Pool()
    clients = [pool.dial("broker") for _ in range(9)]
    for _ in range(20):
        pool.step()
    assert [client.accepted for client in clients] == [True] * 7 + [False] * 2


def test_one_connection_per_door_and_step_is_let_in():
    pool = Pool()
    clients = [pool.dial("broker"), pool.dial("broker"), pool.dial("modbus")]
    pool.step()
    assert [client.accepted for client in clients] == [True, False, True]


def test_a_door_that_is_not_there_gives_its_listener_and_its_share_back():
    assert len(Connections([Door("broker", Listener(), 4), Door("spare", None, 1)]).slots) == 9


def test_shares_beyond_what_there_is_are_refused():
    with pytest.raises(ValueError, match="at most 6 in all, as 7 sockets have 1 listeners"):
        Connections([Door("broker", Listener(), 7)], 7)


def test_custom_images_with_more_sockets_have_more_connections():
    assert len(Pool(sockets=16).pool.slots) == 13


# who goes: (who is there, who knocks, who is expected to go)
# who: door, o(bserver) or c(ontroller) or H (sent the newest heartbeat), silent for so many s; "young": came just now
B, M, P = "broker", "modbus", "page"
FULL = [(B, "o", 5), (B, "o", 30), (B, "o", 20), (B, "c", 60), (B, "c", 40), (B, "H", 70), (B, "o", 10)]
TABLE = {
    "a lent slot goes back, the longest silent observer first": (FULL, M, (B, "o", 30)),
    "likewise for the page": (FULL, P, (B, "o", 30)),
    "a door beyond its share replaces its own observer": (FULL, B, (B, "o", 30)),
    "controllers go back in the order of their silence when nobody else is left": (
        [(B, "c", 10), (B, "c", 50), (B, "c", 20), (B, "H", 60), (B, "c", 40), (B, "c", 30), (B, "c", 5)], M, (B, "c", 50),
    ),
    "beyond its share, too": (
        [(B, "c", 10), (B, "c", 50), (B, "c", 20), (B, "H", 60), (B, "c", 40), (B, "c", 30), (B, "c", 5)], B, (B, "c", 50),
    ),
    "who sent the newest heartbeat stays, however silent": (
        [(B, "H", 500), (B, "c", 10), (B, "c", 20), (B, "c", 30), (M, "c", 5), (P, "o", 5), (B, "o", 1)], B, (B, "o", 1),
    ),
    "the page goes like an observer, even if it sets": (
        [(B, "c", 50), (B, "c", 50), (B, "c", 50), (B, "c", 50), (M, "c", 50), (P, "c", 10), (P, "c", 5)], B, (P, "c", 10),
    ),
    "what lies within another door's share is not touched": (
        [(B, "o", 1), (B, "o", 1), (B, "o", 1), (M, "o", 99), (P, "o", 99), (M, "o", 98), (P, "o", 97)], B, (M, "o", 99),
    ),
    "nor what another door has below its share": (
        [(B, "o", 99), (B, "o", 98), (B, "o", 97), (M, "o", 4), (M, "o", 9), (M, "o", 5), (M, "o", 6)], P, (M, "o", 9),
    ),
    "a door at its share and nothing lent: it replaces its own": (
        [(B, "o", 3), (B, "o", 5), (B, "o", 4), (B, "o", 3), (M, "o", 99), (P, "o", 99), ("spare", "o", 99)], B, (B, "o", 5),
    ),
    "young connections are not touched": ([(B, "o", "young")] * 7, M, None),
    "who is young stays, who is not goes": ([(B, "o", "young")] * 6 + [(B, "o", 3)], M, (B, "o", 3)),
    "a controller goes before young observers": ([(B, "c", 3)] + [(B, "o", "young")] * 6, B, (B, "c", 3)),
    "modbus replaces its own dashboard": (
        [(M, "o", 5), (B, "c", 1), (B, "c", 1), (B, "c", 1), (B, "c", 1), (P, "o", 9), ("spare", "o", 9)], M, (M, "o", 5),
    ),
    "but not its controller that keeps the box alive": (
        [(M, "H", 5), (B, "o", 9), (B, "o", 9), (B, "o", 9), (B, "o", 9), (P, "o", 9), ("spare", "o", 9)], M, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_who_has_to_go(name):
    there, knocks, expected = TABLE[name]
    pool = Pool()
    there = sorted(there, key=lambda row: row[2] == "young")
    clients = [seat(pool, row) for row in there if row[2] != "young"]
    pool.grow_up()
    clients += [seat(pool, row) for row in there if row[2] == "young"]
    newcomer = pool.dial(knocks)
    pool.step(0)
    gone = [row for row, client in zip(there, clients, strict=True) if client.closed_by_box]
    assert gone == ([expected] if expected else [])
    assert newcomer.accepted == bool(expected)


def seat(pool, row):
    door, kind, silent_s = row
    ms = 0 if silent_s == "young" else max(0, silent_s * 1000 - YOUNG_MS)
    if door == "spare":
        client = Client(Listener())
        slot = pool.pool.take(pool.doors["spare"], pool.now_ms)
        pool.pool.open(slot, pool.doors["spare"], client, pool.now_ms)
    else:
        client = pool.come(door, kind != "o", ms)
    if kind == "H":
        pool.pool.heartbeat_slot = pool.slot_of(client)
    return client


def test_who_must_wait_does_not_wake_the_loop_and_is_let_in_once_there_is_room():
    pool = Pool()
    there = [pool.come(B) for _ in range(7)]
    late = pool.dial(M)
    pool.step(100)
    listener = pool.doors[M].listener
    assert not late.accepted and not listener.watched and pool.pool.wait_ms() <= 50
    pool.step(YOUNG_MS - 100)
    assert late.accepted and listener.watched and pool.pool.wait_ms() > 50
    assert [client.closed_by_box for client in there].count(True) == 1


def test_who_gives_up_in_the_backlog_stops_the_waiting():
    pool = Pool()
    for _ in range(7):
        pool.come(B)
    pool.dial(B)
    pool.step()
    assert pool.doors[B].paused
    pool.doors[B].listener.backlog.clear()
    pool.step()
    assert not pool.doors[B].paused and pool.doors[B].listener.watched


def test_who_is_gone_when_there_is_room_is_counted_and_costs_no_slot():
    pool = Pool()
    pool.dial(B).reset()
    pool.step()
    assert pool.pool.lost == 1 and used(pool) == {}
    assert pool.come(B).accepted


def test_a_slot_has_buffers_once_somebody_has_come_in_and_keeps_them():
    pool = Pool()
    assert all(slot.chunk is slot.inbound is slot.tx is None for slot in pool.pool.slots)
    pool.come(B)
    first = pool.pool.slots[0]
    buffers = (first.chunk, first.inbound, first.tx)
    assert None not in buffers and pool.pool.slots[1].chunk is None
    pool.pool.close(first)
    pool.come(B)
    assert buffers == (first.chunk, first.inbound, first.tx)


def test_who_finds_no_memory_for_buffers_is_sent_away_and_the_next_one_is_let_in(monkeypatch):
    pool = Pool()
    monkeypatch.setattr(connections, "Packet", _no_memory)
    peer = pool.dial(B)
    pool.step()
    assert (pool.pool.lost, used(pool), peer.closed_by_box) == (1, {}, True)
    monkeypatch.undo()
    assert pool.come(B).accepted


def _no_memory(size):
    raise MemoryError


def test_the_spare_share_is_lent_and_called_back_for_a_dial():
    pool = Pool()
    there = [pool.come(B, silent_ms=ms) for ms in (0, 1, 2, 3000, 4, 5, 6)]
    spare = pool.doors["spare"]
    assert pool.pool.take(spare, pool.now_ms) is None, "all of them are young"
    pool.grow_up()
    slot = pool.pool.take(spare, pool.now_ms)
    pool.pool.open(slot, spare, None, pool.now_ms)
    assert there[3].closed_by_box and used(pool) == {B: 6, "spare": 1}
    pool.pool.close(slot)
    assert used(pool) == {B: 6}


def test_evictions_are_counted_at_the_door_that_loses():
    pool = Pool()
    for _ in range(7):
        pool.come(B)
    pool.grow_up()
    pool.come(M)
    assert (pool.doors[B].evicted, pool.doors[M].evicted, pool.doors[M].accepted) == (1, 0, 1)


def test_a_door_is_found_by_its_name_and_nobody_comes_through_one_that_is_not_there():
    pool = Pool()
    assert [pool.pool.find(name) for name in pool.doors] == list(pool.doors.values())
    nobody = pool.pool.find("elsewhere")
    assert nobody not in pool.pool.doors and (nobody.listener, nobody.share, nobody.used) == (None, 0, 0)


def test_a_door_that_closes_ends_its_own_connections_and_no_others():
    pool = Pool()
    ends, stays = [pool.come(M), pool.come(M)], [pool.come(B), pool.come(P)]
    pool.pool.close_all(pool.doors[M])
    assert [client.closed_by_box for client in ends + stays] == [True, True, False, False]
    assert used(pool) == {B: 1, P: 1}


def test_what_was_not_sent_goes_with_its_connection():
    pool = Pool()
    slot = pool.slot_of(pool.come(B))
    slot.tx.append(b"rest")
    pool.pool.close(slot)
    assert slot.tx.start == slot.tx.end


def test_the_protection_of_a_heartbeat_ends_with_its_connection():
    pool = Pool()
    slot = pool.slot_of(pool.come(B))
    pool.pool.heartbeat_slot = slot
    pool.pool.close(slot)
    assert pool.pool.heartbeat_slot is None


@pytest.mark.parametrize("days", [12.3, 12.5, 13, 26])
def test_silence_of_days_makes_nobody_young_again(days):
    """The clock wraps after 12.4 days; it is looked at at least once a minute."""
    pool = Pool()
    old = pool.come(B, silent_ms=0)
    silent_ms = 0
    for _ in range(int(days * 24 * 60)):
        pool.step(60000)
        was_ms, silent_ms = silent_ms, elapsed_ms(pool.now_ms, pool.slot_of(old).active_ms)
        assert was_ms <= silent_ms <= IDLE_MAX_MS
    others = [pool.come(B, silent_ms=100000) for _ in range(6)]
    pool.grow_up()
    assert pool.slot_of(old).young.expired
    pool.come(M)
    assert old.closed_by_box and not any(client.closed_by_box for client in others)


def test_ranks_are_small_integers_of_a_32_bit_device():
    assert 2 * IDLE_MAX_MS < 1 << 30


# -- one slot -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def slot():
    slot = Slot()
    slot.equip()
    slot.open(Door("broker", Listener(), 4), Client(Listener()), 1000)
    return slot


def test_bytes_are_fetched_when_the_last_ones_are_used_up(slot):
    slot.peer.send(b"x" * 100)
    assert slot.read() == connections.CHUNK_BYTES
    slot.at = 90
    assert slot.read() == 6 and slot.at == 90
    slot.at = slot.have
    assert slot.read() == 4 and (slot.at, slot.have) == (0, 4)
    slot.at = 4
    assert slot.read() == 0
    slot.peer.hang_up()
    assert slot.read() == GONE


def test_what_the_peer_does_not_take_stays_and_blocks(slot):
    slot.tx.append(b"abcdef")
    slot.peer.room = 4
    assert slot.flush(1000) == 4 and slot.blocked and bytes(slot.peer.received) == b"abcd"
    assert slot.flush(1010) == 0 and slot.blocked
    slot.peer.room = None
    assert slot.flush(1020) == 2 and not slot.blocked and bytes(slot.peer.received) == b"abcdef"
    assert slot.flush(1030) == 0 and slot.peer.writes == 2


def test_a_slot_is_stalled_when_nothing_of_what_waits_moves(slot):
    slot.tx.append(b"abcdef")
    slot.peer.room = 1
    slot.flush(1000)
    assert not slot.stalled(1000 + STALL_MS - 1)
    slot.peer.room = 1
    slot.flush(1000 + STALL_MS - 1)
    assert not slot.stalled(1000 + 2 * STALL_MS - 2)
    assert slot.stalled(1000 + 2 * STALL_MS)


def test_a_slot_with_nothing_to_send_is_never_stalled(slot):
    for now_ms in range(1000, 100000, 1000):
        slot.flush(now_ms)
        assert not slot.stalled(now_ms)


def test_a_reset_shows_when_writing(slot):
    slot.tx.append(b"a")
    slot.peer.reset()
    assert slot.flush(1000) == GONE


def test_the_next_connection_finds_nothing_of_the_last_one(slot):
    slot.peer.send(b"\x30\x7f\x00")
    slot.read()
    slot.at = slot.inbound.feed(slot.chunk, 0, 2)
    slot.tx.append(b"rest")
    slot.peer.room = 0
    slot.flush(1000)
    slot.controller = True
    slot.open(slot.door, Client(Listener()), 9000)
    assert (slot.at, slot.have, slot.blocked, slot.controller, slot.fresh) == (0, 0, False, False, True)
    assert slot.tx.start == slot.tx.end and slot.inbound.head == 0 and not slot.inbound.complete
