"""The questions of make configure: every way through them ends in a configuration that the firmware takes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import board_data, configure
from tools.flash import FlashError

WIRED = board_data.read("wt32_eth01")[0]
PLAIN = board_data.read("esp32_generic")[0]


class Person:
    """Answers by a part of the question; what nobody asks for gets its default. `asked` collects the questions."""

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.asked = []

    def __call__(self, text, default, choices, secret):
        self.asked.append(text)
        answer = next((answer for part, answer in self.answers.items() if part in text), default)
        if isinstance(answer, list):
            answer = answer.pop(0)
        assert answer is not None, f"{text} has no default"
        assert choices is None or answer in choices, text
        return answer


def asked(board, answers=(), old=None):
    said = []
    config = configure.Questions(board, old, Person({"Wi-Fi": "net", "Its password": "pw", **dict(answers)})).run(said.append)
    configure.check(config, board)
    return config, said


def test_a_new_box_with_all_defaults():
    config, said = asked(PLAIN)
    assert said == []
    assert config["wifi"] == {"ssid": "net", "password": "pw"} and config["installation_limit_a"] == 16
    assert config["charge_points"] == [{"evse": 1, "phases": 3, "meter": {"type": "sdm630", "unit": 105}}]
    assert config["mqtt"] == {"mode": "broker", "controllers": None}


def test_ethernet_is_offered_where_there_is_some_and_needs_no_password():
    config, _ = asked(WIRED)
    assert config["network"] == "ethernet" and "wifi" not in config
    config, _ = asked(WIRED, {"Network": "wifi"})
    assert config["network"] == "wifi" and config["wifi"]["ssid"] == "net"


def test_two_charge_points_a_client_and_everything_else():
    answers = {"Charge points": "2", "MQTT": "client", "Its broker": "broker.local", "User": "me", "Password": "secret", "Home Assistant": "homeassistant"}
    config, _ = asked(PLAIN, {**answers, "point 2: energy meter": "none"})
    assert [point["evse"] for point in config["charge_points"]] == [1, 2]
    assert config["charge_points"][1]["meter"] == {"type": "none"}
    assert config["mqtt"] == {"mode": "client", "host": "broker.local", "port": 1883, "user": "me", "password": "secret", "discovery": "homeassistant"}


def test_controllers_are_addresses_with_blanks_or_commas_between():
    config, _ = asked(PLAIN, {"Addresses": "192.0.2.1, 192.0.2.2"})
    assert config["mqtt"]["controllers"] == ["192.0.2.1", "192.0.2.2"]


def test_what_is_on_the_box_is_the_default_of_every_question_and_what_is_not_asked_stays():
    old = {
        "name": "garage", "language": "en", "heartbeat_limit_s": 80, "installation_limit_a": 32, "wifi": {"ssid": "net", "password": "secret"},
        "bus": {"gap_ms": 50}, "charge_points": [{"evse": 7, "phases": 1, "meter": {"type": "sdm72", "unit": 8, "lost_current_ca": 600}}],
        "mqtt": {"mode": "client", "host": "broker.local", "port": 8883, "user": "u", "password": "p", "prefix": "garage/", "keepalive_s": 30},
    }  # fmt: skip
    board = {**PLAIN, "evse_ids": [7]}
    person = Person({"empty: as it is": ""})
    config = configure.Questions(board, old, person).run(print)
    assert configure.check(config, board) == configure.check(old, board)


def test_an_answer_that_does_not_fit_is_said_and_asked_again_with_the_others_kept():
    config, said = asked(PLAIN, {"EVSE controller": ["9", "2"], "Name of the box": ["garage", "garage"]})
    assert "charge_points[0].evse: expected one of evse_ids" in said[0]
    assert config["charge_points"][0]["evse"] == 2 and config["name"] == "garage"


def test_what_nobody_asks_for_is_not_asked_for_ever():
    with pytest.raises(FlashError, match="colour: unknown key.*--config FILE"):
        asked(PLAIN, old={"colour": "red"})


def test_a_number_is_asked_for_until_it_is_one():
    config, said = asked(PLAIN, {"installation": ["many", "", "40", "20"]})
    assert config["installation_limit_a"] == 20
    assert "installation_limit_a: expected a whole number from 6 to 32, found 40" in said[0]


def test_the_watchdog_is_fed_between_the_answers():
    fed = itertools.count()
    person = Person({"Wi-Fi": "net", "Its password": "pw"})
    configure.Questions(PLAIN, None, person, lambda: next(fed)).run(print)
    assert next(fed) == len(person.asked)


def test_nobody_at_the_terminal_is_told_what_to_do(monkeypatch):
    def ended(*_, **__):
        raise EOFError

    monkeypatch.setattr(configure.Prompt, "ask", ended)
    with pytest.raises(FlashError, match="run it at a terminal, or with --config FILE"):
        configure.ask_person("Charge points", "1", None, False)


@pytest.mark.parametrize("text, words", [(None, "can not be read"), ('{"a', "does not parse")])
def test_a_file_that_can_not_be_used_is_named(tmp_path, text, words):
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FlashError, match=words):
        configure.read_file(path)


def test_the_words_of_the_firmware_are_passed_on():
    with pytest.raises(FlashError, match="mine.json: charge_points: missing; .*correct it and run it again"):
        configure.check({}, PLAIN, "mine.json")


def test_the_password_of_the_set_up_is_one_that_the_firmware_takes(monkeypatch, tmp_path):
    import setup_mode

    made = {configure.new_password() for _ in range(50)}
    assert len(made) == 50
    monkeypatch.chdir(tmp_path)
    (tmp_path / setup_mode.PASSWORD_FILE).write_text(max(made))
    assert setup_mode.password() == max(made) and configure.PASSWORD_FILE == setup_mode.PASSWORD_FILE


# Two charge points take units 1, 2 and 105, 106; whatever else somebody types that is valid alone is valid together.
@given(
    st.sampled_from(board_data.names()),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["broker", "client"]),
    st.integers(6, 32),
    st.sampled_from(["none", "sdm630", "sdm72"]),
)
def test_every_way_through_the_questions_ends_in_a_configuration_that_fits_its_board(name, count, mode, limit_a, meter):
    answers = {"Charge points": count, "MQTT": mode, "Its broker": "broker.local", "installation": str(limit_a), "energy meter": meter}
    _, said = asked(board_data.read(name)[0], answers)
    assert said == []
