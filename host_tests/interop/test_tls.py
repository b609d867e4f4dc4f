"""The client door over TLS with the mbedtls of real MicroPython, against Mosquitto with a certificate made for the test."""

import mqtt_states as st
import pytest
import trustme

from host_tests.interop.live import Mosquitto, doors, port  # noqa: F401
from host_tests.waiting import until

AUTHORITY = trustme.CA()


@pytest.fixture
def safe(tmp_path, port):  # noqa: F811
    """A Mosquitto with TLS and nothing else; its certificate is for localhost."""
    AUTHORITY.issue_cert("localhost").private_key_pem.write_to_path(tmp_path / "key.pem")
    cert = AUTHORITY.issue_cert("localhost")
    cert.private_key_pem.write_to_path(tmp_path / "key.pem")
    cert.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    broker = Mosquitto(tmp_path, port, more=[f"certfile {tmp_path / 'cert.pem'}", f"keyfile {tmp_path / 'key.pem'}"])
    yield broker.start()
    broker.stop()


def ca_file(tmp_path, authority=AUTHORITY):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def messages_pass(door):
    """It tells 26 topics per second; a lost one would have ended the connection."""
    before = door.now["worst_ms"]
    until(lambda: door.now["state"] == st.ONLINE and door.now["drops"] == 0 and door.now["worst_ms"] >= before, "messages pass")


def test_it_connects_and_stays_when_the_certificate_fits(safe, doors, tmp_path):  # noqa: F811
    door = doors(safe.port, host="localhost", ca_file=ca_file(tmp_path))
    door.online()
    messages_pass(door)
    assert door.now["trouble"] is None


@pytest.mark.parametrize(
    ("host", "authority"), [("127.0.0.1", AUTHORITY), ("localhost", trustme.CA())], ids=["another host", "another authority"]
)
def test_a_certificate_that_does_not_fit_is_refused_and_named(safe, doors, tmp_path, host, authority):  # noqa: F811
    door = doors(safe.port, host=host, ca_file=ca_file(tmp_path, authority))
    until(lambda: door.now.get("trouble"), "a reason")
    assert "certificate" in door.now["trouble"] and "mqtt.ca_file" in door.now["trouble"]
    assert door.now["connects"] == 0


def test_a_broker_without_tls_is_a_failed_dial_and_no_plain_text_goes_out(tmp_path, port, doors):  # noqa: F811
    broker = Mosquitto(tmp_path, port).start()
    try:
        door = doors(port, host="localhost", ca_file=ca_file(tmp_path), password="secret", user="installer")
        until(lambda: door.now["dials_failed"] >= 1, "a failed dial")
        assert door.now["connects"] == 0
        assert "installer" not in (tmp_path / "mosquitto.log").read_text()
    finally:
        broker.stop()
