"""The page door: what is asked for, what is refused, and that nobody who looks costs anybody else anything."""

import random

import page as page_module
import pytest
from connections import STALL_MS, TX_BYTES
from page import HEAD_BYTES_MAX, HEARING_LIMIT_MS, LEAVING_LIMIT_MS, LINE_BYTES

from host_tests.fakes.peer import Client
from host_tests.unit.page_bench import HTML, Box, parsed

GET = b"GET / HTTP/1.1\r\nHost: box\r\n\r\n"
GET_STATUS = b"GET /status.json HTTP/1.1\r\nHost: box\r\n\r\n"


@pytest.fixture
def box():
    return Box()


def is_free(box):
    return box.door.used == 0 and all(visit is None for visit in box.page._visits)


def test_the_page_comes_whole_from_its_file(box):
    status, headers, body = box.get("/")
    assert (status, body) == ("HTTP/1.1 200 OK", HTML)
    assert headers["Content-Type"] == "text/html; charset=utf-8" and headers["Content-Length"] == str(len(HTML))
    assert headers["Connection"] == "close" and headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_status_is_json_in_chunks(box):
    _, headers, body = box.get("/status.json")
    assert headers["Content-Type"] == "application/json" and headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in headers
    assert body.startswith(b'{"version":') and body.endswith(b"}\n")


class Brim:
    """A status whose pieces fill a buffer to the last byte that they may use."""

    count = 3
    now_ms = 0

    def put(self, buf, at, limit, i):
        if limit - at < 400:
            return -1
        buf[at:limit] = b"%d" % i * (limit - at)
        return limit


def test_pieces_that_fill_their_buffers_to_the_brim_come_whole(box):
    box.page.status = Brim()
    _, _, body = box.get("/status.json")
    n = len(body) // 3
    assert n > 400 and body == b"0" * n + b"1" * n + b"2" * n
    assert {len(slot.tx.buf) for slot in box.pool.slots if slot.tx} == {TX_BYTES}, "no buffer has grown"


def test_http_1_0_gets_no_chunks_and_the_end_of_the_connection_at_once(box):
    client = box.dial(b"GET /status.json HTTP/1.0\r\n\r\n")
    box.run_ms(300)
    assert client.closed_by_box
    _, headers, body = parsed(bytes(client.received))
    assert "Transfer-Encoding" not in headers and body.startswith(b"{") and body.endswith(b"}\n")


@pytest.mark.parametrize("path", ["/", "/status.json"])
def test_head_has_the_same_head_and_no_body(box, path):
    rest = path.encode() + b" HTTP/1.1\r\n\r\n"
    head, end, _ = box.ask(b"GET " + rest).partition(b"\r\n\r\n")
    assert box.ask(b"HEAD " + rest) == head + end


@pytest.mark.parametrize("path", ["/?lang=de", "/status.json?t=1795327212"])
def test_a_query_is_ignored(box, path):
    assert box.get(path)[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", ["/favicon.ico", "/status", "/status.json/", "/../config.json", "/config.json", "//", "/%2e%2e/config.json"])
def test_nothing_else_is_there(box, path):
    assert box.get(path)[0] == "HTTP/1.1 404 Not Found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get"])
def test_nothing_can_be_written(box, method):
    status, headers, _ = box.get("/", method, headers="Content-Length: 5\r\n")
    assert status == "HTTP/1.1 405 Method Not Allowed" and headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "request_line",
    [b"GET", b"GET /", b"GET  / HTTP/1.1", b"GET / HTTP/2.0", b"PRI * HTTP/2.0", b"GET http://box/ HTTP/1.1", b"\x16\x03\x01\x02 x y", b"GET / HTTP/1.1 x"],
)
def test_what_is_no_request_is_refused(box, request_line):
    assert box.ask(request_line + b"\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_the_longest_line_is_taken_and_one_more_byte_is_refused(box):
    longest = b"GET /status.json?" + b"x" * (LINE_BYTES - 26) + b" HTTP/1.1"
    assert len(longest) == LINE_BYTES
    assert box.ask(longest + b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    assert box.ask(longest.replace(b"x ", b"xx ") + b"\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request")


def test_a_line_that_is_longer_than_any_buffer_is_refused(box):
    assert box.ask(b"GET /status.json?" + b"x" * 1000 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request")


def test_cookies_of_a_browser_fit_and_a_request_without_end_is_refused(box):
    cookies = b"Cookie: " + b"c" * 8000 + b"\r\n"
    assert box.ask(b"GET / HTTP/1.1\r\n" + cookies + b"\r\n", 2000).startswith(b"HTTP/1.1 200 OK")
    client = box.dial(b"GET / HTTP/1.1\r\n" + b"c" * (HEAD_BYTES_MAX + 1000))
    box.run_ms(3000)
    assert bytes(client.received).startswith(b"HTTP/1.1 400 Bad Request") and client.closed_by_box


@pytest.mark.parametrize("portion", [1, 2, 7, 95, 96, 97])
def test_a_request_may_come_in_any_pieces(box, portion):
    client = box.dial(GET)
    client.portion = portion
    box.run_ms(1000)
    assert parsed(bytes(client.received))[2] == HTML


def test_blank_lines_in_front_and_bare_line_feeds_are_fine(box):
    assert box.ask(b"\r\n\n\r\nGET / HTTP/1.1\nHost: box\n\n").startswith(b"HTTP/1.1 200 OK")


def test_the_client_may_close_first(box):
    client = box.dial(GET)
    box.run_ms(200)
    assert len(client.received) > len(HTML) and not client.closed_by_box
    client.hang_up()
    box.run_ms(20)
    assert client.closed_by_box and is_free(box)


def test_who_does_not_close_is_closed(box):
    client = box.dial(GET)
    box.run_ms(200)
    box.run_ms(LEAVING_LIMIT_MS)
    assert client.closed_by_box and is_free(box)


def test_a_second_request_on_the_same_connection_is_not_answered(box):
    client = box.dial(GET + GET_STATUS)
    box.run_ms(1000)
    assert bytes(client.received).count(b"HTTP/1.1") == 1


def test_a_browser_that_dials_ahead_and_says_nothing_is_closed_without_a_word(box):
    client = box.dial()
    box.run_ms(HEARING_LIMIT_MS - 100)
    assert not client.closed_by_box
    box.run_ms(200)
    assert client.closed_by_box and not client.received and is_free(box)


def test_one_byte_now_and_then_does_not_hold_a_connection(box):
    client = box.dial(b"G")
    for _ in range(12):
        box.run_ms(500)
        client.send(b"E")
    assert client.closed_by_box


def test_the_loop_may_wait_for_as_long_as_nothing_is_due(box):
    box.step()
    assert box.page.wait_ms(box.now_ms) == 1000, "nobody is there"
    client = box.dial()
    box.step()
    box.run_ms(4700)
    assert box.page.wait_ms(box.now_ms) == 300, "the time that is left to say something"
    client.send(GET).room = 0
    box.step()
    assert box.page.wait_ms(box.now_ms) == 0, "there is something to tell"
    box.step()
    assert box.page.wait_ms(box.now_ms) == 1000, "it takes nothing"
    client.room = None
    for _ in range(20):
        box.step()
        if bytes(client.received).endswith(HTML):
            break
    assert box.page.wait_ms(box.now_ms) == 500, "the time that is left to close"


def test_who_reads_slowly_gets_all_and_who_reads_nothing_is_closed(box):
    slow, deaf = box.dial(GET), box.dial(GET)
    slow.room = deaf.room = 0
    for _ in range(60):
        slow.room += 60
        box.run_ms(100)
    assert parsed(bytes(slow.received))[2] == HTML
    box.run_ms(STALL_MS)
    assert deaf.closed_by_box and is_free(box)


@pytest.mark.parametrize("end", ["hang_up", "reset"])
@pytest.mark.parametrize("after_ms", [0, 10, 20, 30, 60])
def test_a_client_may_go_at_any_moment(box, end, after_ms):
    client = box.dial(GET)
    client.room = 700
    box.run_ms(after_ms)
    getattr(client, end)()
    box.run_ms(STALL_MS + 1000)
    assert client.closed_by_box == client.accepted and is_free(box)
    assert box.get("/")[2] == HTML


def test_an_evicted_visit_leaves_nothing_to_the_next_one(box):
    clients = [box.dial(GET[:-2]) for _ in range(8)]
    box.run_ms(2100)
    newcomer = box.dial(GET_STATUS)
    box.run_ms(300)
    assert sum(client.closed_by_box for client in clients) >= 1
    assert parsed(bytes(newcomer.received))[2].startswith(b'{"version"')


def test_a_primary_takes_the_place_of_lookers_at_once(box):
    for _ in range(8):
        box.dial()
    box.run_ms(2100)
    primary = Client(box.broker.listener)
    box.run_ms(20)
    assert primary.accepted and box.door.evicted == 1


def test_without_its_file_the_page_is_missing_and_the_status_is_not():
    box = Box(file=None)
    assert box.get("/")[0] == "HTTP/1.1 404 Not Found"
    assert box.get("/status.json")[0] == "HTTP/1.1 200 OK"


def test_a_file_that_shrinks_meanwhile_ends_the_answer(box):
    client = box.dial(GET)
    box.run_ms(10)
    box.page.file.data = b""
    box.run_ms(1000)
    assert client.closed_by_box and is_free(box)


def test_many_ask_at_once_and_each_gets_its_own(box):
    asked = [box.dial(GET if i % 2 else GET_STATUS) for i in range(12)]
    box.run_ms(6000)
    for i, client in enumerate(asked):
        body = parsed(bytes(client.received))[2]
        assert body == HTML if i % 2 else body.startswith(b"{")
    assert is_free(box)


def test_a_request_is_an_episode_and_nobody_is_none(box):
    box.run_ms(100)
    assert not box.page.take_episode()
    box.get("/")
    assert box.page.take_episode() and not box.page.take_episode()


def test_the_life_cycle_is_what_the_docstring_draws():
    states = {page_module.CLOSED, page_module.HEARING, page_module.TELLING, page_module.LEAVING}
    assert {a for pair in page_module.TRANSITIONS for a in pair} == states


def damaged(draw):
    """A request with bytes lost, doubled, or changed; or noise."""
    data = bytearray(draw.choice((GET, GET_STATUS, b"HEAD / HTTP/1.0\r\n\r\n", bytes(draw.randrange(256) for _ in range(draw.randrange(300))))))
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(data) + 1)
        data[at : at + draw.randrange(3)] = bytes(draw.choice(b"\r\n /GHTP1.\x00\xff%") for _ in range(draw.randrange(4)))
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_in_gets_an_answer_or_the_end_and_leaves_nothing(box, seed):
    draw = random.Random(seed)
    clients = []
    for _ in range(150):
        client = box.dial(damaged(draw))
        client.portion = draw.choice((1, 7, 96, 1 << 20))
        client.room = draw.choice((None, None, 0, 500))
        if draw.random() < 0.2:
            draw.choice((client.hang_up, client.reset))()
        clients.append(client)
        box.run_ms(draw.choice((10, 50, 400)))
    box.run_ms(60000)
    assert is_free(box)
    answers = {bytes(client.received)[:12] for client in clients}
    assert answers <= {b"", b"HTTP/1.1 200", b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 405"} and len(answers) >= 4
    assert box.get("/")[2] == HTML
