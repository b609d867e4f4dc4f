"""safety.decide over a grid of everything it can be told: what must hold is worded here a second time, as a table of ceilings."""

import itertools

import pytest
import safety
from hypothesis import given, settings
from hypothesis import strategies as st
from safety import (
    F_CABLE_A, F_EVSE, F_EVSE_LIMIT_A, F_GRID_CA, F_GUARD, F_HEARTBEAT, F_INSTALLATION_CA, F_MAINTENANCE, F_METER, F_METER_LOST_CA,
    F_PHASES, F_PILOT, F_SHARED_CA, F_SWITCH, F_WANTED_CA, FACT_COUNT, MAX_CA, MIN_CA, R_CABLE, R_CP_LATCHED, R_CP_OPEN, R_CP_STUCK, R_EVSE_20A, R_EVSE_DEFIES, R_EVSE_FAULT,
    R_EVSE_LIMIT, R_EVSE_OLD, R_EVSE_SILENT, R_EVSE_STARTING, R_GRID, R_HEARTBEAT_FIRST, R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER,
    R_HEARTBEAT_SLOW, R_INSTALLATION, R_INTERRUPTING, R_MAINTENANCE, R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE, R_NO_SECOND_STOP,
    R_NO_SET_POINT, R_NOT_SWITCHED, R_OVER_CURRENT, R_PHASES, R_RCD, R_SET_POINT, R_SHARED, R_SWITCHING, R_VOLTAGE, R_WELD, REASON_BITS, REASON_COUNT, REASON_MASK, REASONS, decide,
)  # fmt: skip

HEARTBEATS = (R_HEARTBEAT_NEVER, R_HEARTBEAT_FIRST, R_HEARTBEAT_LOST, R_HEARTBEAT_SLOW)
EVSES = (R_EVSE_SILENT, R_EVSE_STARTING, R_EVSE_OLD, R_EVSE_FAULT)
METERS = (R_METER_STARTING, R_METER_LOST, R_METER_VOLTAGE)
PILOTS = (R_CP_OPEN, R_CP_LATCHED, R_NO_SECOND_STOP, R_EVSE_STARTING)
GUARDS = (R_VOLTAGE, R_EVSE_DEFIES, R_CP_STUCK, R_WELD, R_OVER_CURRENT, R_RCD)
SWITCHES = (R_SWITCHING, R_INTERRUPTING, R_NOT_SWITCHED, R_PHASES)

# Nothing wrong, nothing limiting: what a test changes is what it is about.
FINE = {
    F_WANTED_CA: 3200, F_HEARTBEAT: 0, F_EVSE: 0, F_METER: 0, F_METER_LOST_CA: 0, F_INSTALLATION_CA: 3200, F_EVSE_LIMIT_A: 32,
    F_CABLE_A: 32, F_PHASES: 3, F_GRID_CA: None, F_PILOT: 0, F_GUARD: 0, F_MAINTENANCE: 0, F_SWITCH: 0, F_SHARED_CA: None,
}  # fmt: skip

GRID = {
    F_WANTED_CA: (None, -600, 599, 1600, 4000),
    F_HEARTBEAT: (0, R_HEARTBEAT_NEVER),
    F_EVSE: (0, R_EVSE_SILENT),
    F_METER: (0, R_METER_STARTING, R_METER_LOST),
    F_METER_LOST_CA: (0, 1000),
    F_INSTALLATION_CA: (600, 1600, 3200),
    F_EVSE_LIMIT_A: (None, 5, 20, 80),
    F_CABLE_A: (0, 13),
    F_PHASES: (0, 1, 3),
    F_GRID_CA: (None, 0, 1300),
    F_PILOT: (0,),  # these four only stop: see the tests of their own
    F_GUARD: (0,),
    F_MAINTENANCE: (0,),
    F_SWITCH: (0,),
    F_SHARED_CA: (None, 0, 1000),
}


def facts_of(**changes):
    """FINE with changes by name, as wanted_ca=600."""
    facts = [FINE[i] for i in range(FACT_COUNT)]
    for name, value in changes.items():
        facts[getattr(safety, "F_" + name.upper())] = value
    return facts


def decided(facts):
    """(limit in 0.01 A, reason); the scratch space starts with rubbish."""
    decision = decide(facts, [-99] * REASON_COUNT)
    return decision >> REASON_BITS, decision & REASON_MASK


def ceilings(facts):
    """The rules once more: every reason that applies, and what it allows. 0 or less: not at all."""
    rules = {R_INSTALLATION: min(MAX_CA, facts[F_INSTALLATION_CA])}
    if facts[F_WANTED_CA] is None:
        rules[R_NO_SET_POINT] = 0
    else:
        rules[R_SET_POINT] = min(MAX_CA, facts[F_WANTED_CA])
    for fact in (F_HEARTBEAT, F_EVSE, F_METER, F_PILOT, F_GUARD, F_SWITCH):
        if facts[fact]:
            rules[facts[fact]] = 0
    if facts[F_MAINTENANCE]:
        rules[R_MAINTENANCE] = 0
    if facts[F_METER] == R_METER_LOST:
        rules[R_METER_LOST] = facts[F_METER_LOST_CA]
    if facts[F_EVSE_LIMIT_A]:
        rules[R_EVSE_LIMIT] = 100 * facts[F_EVSE_LIMIT_A]
    if facts[F_EVSE_LIMIT_A] == 20 and facts[F_PHASES] != 1:
        rules[R_EVSE_20A] = 1600
    if facts[F_CABLE_A]:
        rules[R_CABLE] = 100 * facts[F_CABLE_A]
    if facts[F_GRID_CA] is not None:
        rules[R_GRID] = facts[F_GRID_CA]
    if facts[F_SHARED_CA] is not None:
        rules[R_SHARED] = facts[F_SHARED_CA]
    return rules


def check(facts):
    limit_ca, reason = decided(facts)
    rules = ceilings(facts)
    lowest_ca = min(rules.values())
    assert limit_ca <= max(0, lowest_ca), "above a ceiling"
    assert limit_ca == (lowest_ca if lowest_ca >= MIN_CA else 0), "the lowest ceiling wins, below 6 A means 0 A"
    assert reason in rules, "a reason is named that does not apply"
    assert rules[reason] == limit_ca if limit_ca else rules[reason] < MIN_CA, "the reason that is named is not what limits"
    return limit_ca


@pytest.mark.dense
def test_over_the_whole_grid_the_lowest_ceiling_wins_and_is_named():
    seen = set()
    for combination in itertools.product(*[GRID[i] for i in range(FACT_COUNT)]):
        seen.add(check(combination))
    assert {0, 600, 1000, 1300, 1600, 3200} <= seen, "else the grid shows nothing"


FACTS = st.tuples(
    st.one_of(st.none(), st.integers(-4000, 4000)), st.sampled_from((0, *HEARTBEATS)), st.sampled_from((0, 0, *EVSES)),
    st.sampled_from((0, 0, *METERS)), st.integers(0, 3200), st.integers(0, 4000), st.one_of(st.none(), st.integers(0, 80)),
    st.one_of(st.just(0), st.integers(0, 80)), st.integers(0, 3), st.one_of(st.none(), st.integers(-100, 4000)),
    st.sampled_from((0, 0, 0, *PILOTS)), st.sampled_from((0, 0, 0, *GUARDS)), st.sampled_from((0, 0, 0, 1)),
    st.sampled_from((0, 0, 0, *SWITCHES)),
    st.one_of(st.none(), st.integers(0, 4000)),
)  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=200)
@given(FACTS)
def test_between_the_points_of_the_grid_it_is_the_same(facts):
    check(facts)


# What it means to lose an input: (fact, what it becomes). The two that are not here are kept by who reads them: a cable
# rating that turns 0 is held by the EVSE driver while plugged, register 2007 is never unlearned once it was read.
LOSSES = (
    [(F_WANTED_CA, None)]
    + [(F_HEARTBEAT, reason) for reason in HEARTBEATS]
    + [(F_EVSE, reason) for reason in EVSES]
    + [(F_METER, reason) for reason in METERS]
    + [(F_PILOT, reason) for reason in PILOTS]
    + [(F_GUARD, reason) for reason in GUARDS]
    + [(F_SWITCH, reason) for reason in SWITCHES]
    + [(F_PHASES, 0), (F_GRID_CA, 0), (F_MAINTENANCE, 1), (F_SHARED_CA, 0)]
)


@pytest.mark.dense
@pytest.mark.parametrize(("fact", "lost"), LOSSES)
def test_losing_an_input_never_raises_the_limit(fact, lost):
    charging = {F_WANTED_CA: (None, 600, 3200), F_HEARTBEAT: (0,), F_EVSE: (0,), F_METER: (0,), F_METER_LOST_CA: (0, 3200)}
    raised = []
    for combination in itertools.product(*[charging.get(i, GRID[i]) for i in range(FACT_COUNT)]):
        after = list(combination)
        after[fact] = lost
        if decided(after)[0] > decided(combination)[0]:
            raised.append(combination)
    assert not raised


@pytest.mark.parametrize("heartbeat", HEARTBEATS)
@pytest.mark.parametrize("wanted_ca", [None, 0, 600, 3200])
def test_a_heartbeat_never_seen_stops_just_as_one_that_was_lost(heartbeat, wanted_ca):
    limit_ca, reason = decided(facts_of(heartbeat=heartbeat, wanted_ca=wanted_ca))
    assert (limit_ca, reason) == (0, heartbeat)


@pytest.mark.parametrize("wanted_ca", [-3200, -1, 0, 1, 100, 599])
def test_below_six_ampere_means_nothing_and_never_six(wanted_ca):
    assert decided(facts_of(wanted_ca=wanted_ca)) == (0, R_SET_POINT)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"installation_ca": 599}, R_INSTALLATION),
        ({"evse_limit_a": 5}, R_EVSE_LIMIT),
        ({"cable_a": 5}, R_CABLE),
        ({"grid_ca": 599}, R_GRID),
        ({"grid_ca": 0}, R_GRID),
        ({"grid_ca": -1}, R_GRID),
        ({"meter": R_METER_LOST, "meter_lost_ca": 599}, R_METER_LOST),
    ],
)
def test_a_ceiling_below_six_ampere_means_nothing_and_never_six(changes, reason):
    assert decided(facts_of(**changes)) == (0, reason)


@pytest.mark.parametrize("wanted_ca", [600, 601, 1598, 3200])
def test_a_set_point_that_nothing_limits_is_taken_as_it_is(wanted_ca):
    assert decided(facts_of(wanted_ca=wanted_ca)) == (wanted_ca, R_SET_POINT)


@pytest.mark.parametrize("wanted_ca", [3201, 4000, 32000, 2**30 - 1])
def test_nothing_above_32_a_leaves_even_when_nobody_else_limits(wanted_ca):
    assert decided(facts_of(wanted_ca=wanted_ca, evse_limit_a=80, cable_a=63, installation_ca=6300)) == (3200, R_SET_POINT)


@pytest.mark.parametrize(
    ("changes", "limit_ca", "reason"),
    [
        ({"installation_ca": 1600}, 1600, R_INSTALLATION),
        ({"evse_limit_a": 16}, 1600, R_EVSE_LIMIT),
        ({"evse_limit_a": 0}, 3200, R_SET_POINT),  # 0: the EVSE measures the cable itself
        ({"evse_limit_a": None}, 3200, R_SET_POINT),
        ({"cable_a": 13}, 1300, R_CABLE),
        ({"cable_a": 0}, 3200, R_SET_POINT),
        ({"grid_ca": 1000}, 1000, R_GRID),
        ({"grid_ca": None}, 3200, R_SET_POINT),
        ({"evse_limit_a": 20, "phases": 1}, 2000, R_EVSE_LIMIT),
        ({"evse_limit_a": 20, "phases": 2}, 1600, R_EVSE_20A),
        ({"evse_limit_a": 20, "phases": 3}, 1600, R_EVSE_20A),
        ({"evse_limit_a": 20, "phases": 0}, 1600, R_EVSE_20A),  # unknown: assume three
        ({"evse_limit_a": 19, "phases": 3}, 1900, R_EVSE_LIMIT),
        ({"evse_limit_a": 21, "phases": 3}, 2100, R_EVSE_LIMIT),
        ({"meter": R_METER_LOST, "meter_lost_ca": 1000}, 1000, R_METER_LOST),
        ({"meter": R_METER_LOST, "meter_lost_ca": 600}, 600, R_METER_LOST),
        ({"meter": R_METER_LOST, "meter_lost_ca": 0}, 0, R_METER_LOST),
        ({"meter": R_METER_STARTING, "meter_lost_ca": 1000}, 0, R_METER_STARTING),
        ({"meter": R_METER_VOLTAGE, "meter_lost_ca": 1000}, 0, R_METER_VOLTAGE),
    ],
)
def test_a_limit_and_its_name(changes, limit_ca, reason):
    assert decided(facts_of(**changes)) == (limit_ca, reason)


def test_what_stops_is_named_in_the_order_of_repair():
    changes = {
        "guard": R_WELD, "maintenance": 1, "evse": R_EVSE_SILENT, "pilot": R_CP_OPEN, "meter": R_METER_LOST, "heartbeat": R_HEARTBEAT_LOST,
        "switch": R_SWITCHING, "wanted_ca": None, "grid_ca": 0,
    }  # fmt: skip
    expected = [R_WELD, R_MAINTENANCE, R_EVSE_SILENT, R_CP_OPEN, R_METER_LOST, R_SWITCHING, R_HEARTBEAT_LOST, R_NO_SET_POINT, R_GRID]
    repaired = {
        "guard": 0, "maintenance": 0, "evse": 0, "pilot": 0, "meter": 0, "switch": 0, "heartbeat": 0, "wanted_ca": 3200, "grid_ca": None,
    }  # fmt: skip
    for reason, name in zip(expected, list(repaired)):
        assert decided(facts_of(**changes)) == (0, reason)
        changes[name] = repaired[name]
    assert decided(facts_of(**changes)) == (3200, R_SET_POINT)


def test_equal_ceilings_name_the_set_point_first_so_that_a_controller_sees_its_own_wish():
    assert decided(facts_of(wanted_ca=1600, installation_ca=1600, evse_limit_a=16, cable_a=16, grid_ca=1600)) == (1600, R_SET_POINT)
    assert decided(facts_of(wanted_ca=0, grid_ca=0)) == (0, R_SET_POINT)


@pytest.mark.parametrize("reason", EVSES)
def test_every_trouble_of_the_evse_stops_and_is_named(reason):
    assert decided(facts_of(evse=reason)) == (0, reason)


@pytest.mark.parametrize("name, reason", [("pilot", reason) for reason in PILOTS] + [("guard", reason) for reason in GUARDS])
def test_an_open_pilot_and_whatever_the_guard_found_stop_and_are_named(name, reason):
    assert decided(facts_of(**{name: reason})) == (0, reason)


@pytest.mark.parametrize("reason", SWITCHES)
@pytest.mark.parametrize("wanted_ca", [0, 600, 3200, None])
def test_a_switch_that_runs_or_went_wrong_stops_whatever_is_wanted(reason, wanted_ca):
    assert decided(facts_of(switch=reason, wanted_ca=wanted_ca)) == (0, reason)


def test_maintenance_stops_and_is_named():
    assert decided(facts_of(maintenance=1)) == (0, R_MAINTENANCE)


def test_an_open_pilot_is_named_before_an_evse_that_is_only_being_set_up():
    assert decided(facts_of(evse=R_EVSE_STARTING, pilot=R_CP_OPEN)) == (0, R_CP_OPEN)


@pytest.mark.parametrize("reason", [R_EVSE_SILENT, R_EVSE_OLD, R_EVSE_FAULT])
def test_what_is_wrong_with_an_evse_is_named_before_a_pilot_that_is_only_being_set_up(reason):
    assert decided(facts_of(evse=reason, pilot=R_EVSE_STARTING)) == (0, reason)


def test_a_decision_reads_its_facts_only_and_does_not_remember():
    scratch = [0] * REASON_COUNT
    facts = facts_of()
    first = decide(facts, scratch)
    for name, value in (("heartbeat", R_HEARTBEAT_LOST), ("evse", R_EVSE_FAULT), ("grid_ca", 700), ("meter", R_METER_LOST)):
        decide(facts_of(**{name: value}), scratch)
        assert decide(facts, scratch) == first
    assert facts == facts_of()


def test_every_reason_has_one_text_that_needs_no_escape_in_json():
    codes = {name: value for name, value in vars(safety).items() if name.startswith("R_")}
    assert sorted(codes.values()) == list(range(REASON_COUNT)) == list(range(len(REASONS)))
    assert len(set(REASONS)) == REASON_COUNT
    for text in REASONS:
        assert text.isascii() and text.strip() == text != b"" and not set(text) & set(b'"\\')


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (R_SET_POINT, b"set point"), (R_NO_SET_POINT, b"no set point"), (R_HEARTBEAT_NEVER, b"no heartbeat"), (R_HEARTBEAT_FIRST, b"second heartbeat"),
        (R_HEARTBEAT_LOST, b"lost"), (R_HEARTBEAT_SLOW, b"slow"), (R_EVSE_SILENT, b"EVSE does not answer"), (R_EVSE_STARTING, b"set up"),
        (R_EVSE_OLD, b"older than 8"), (R_EVSE_FAULT, b"fault"), (R_METER_STARTING, b"waiting for the meter"), (R_METER_LOST, b"meter does not"),
        (R_METER_VOLTAGE, b"200 V"), (R_INSTALLATION, b"installation"), (R_EVSE_LIMIT, b"2007"), (R_EVSE_20A, b"20 A"), (R_CABLE, b"cable"),
        (R_GRID, b"grid"), (R_VOLTAGE, b"voltage"), (R_CP_OPEN, b"pilot is open"), (R_CP_LATCHED, b"until cleared"),
        (R_NO_SECOND_STOP, b"no relay"), (R_CP_STUCK, b"does not open"), (R_WELD, b"welded"), (R_OVER_CURRENT, b"more current"),
        (R_RCD, b"RCD"), (R_MAINTENANCE, b"maintenance"), (R_SWITCHING, b"switched"), (R_INTERRUPTING, b"interrupted"),
        (R_NOT_SWITCHED, b"given up"), (R_PHASES, b"do not match"), (R_EVSE_DEFIES, b"2003"),
    ],
)  # fmt: skip
def test_a_reason_says_what_it_is_about(reason, words):
    assert words in REASONS[reason]


def test_a_decision_is_a_small_integer_also_on_an_esp32():
    assert REASON_COUNT <= REASON_MASK + 1 == 1 << REASON_BITS
    assert MAX_CA << REASON_BITS | REASON_MASK < 1 << 30


def test_the_limits_of_the_standard():
    assert (MIN_CA, MAX_CA) == (600, 3200)
