"""make soak: which fault begins and ends when is drawn from the seed, and what counts as a failure."""

import pytest

from tools import soak

FINE = {
    "live_heap_growth_bytes": 0, "watchdog_resets": 0, "restarts": 0, "charges_at_the_end": True, "largest_free_block_low_bytes": 6000,
}  # fmt: skip


def lived(seed, seconds):
    """What a schedule does in that time: names of faults that began, and those that ended, in order."""
    done = []
    faults = {name: (lambda n=name: done.append(n), lambda n=name: done.append("no " + n)) for name in ("broker", "wire")}
    schedule = soak.Schedule(seed, faults)
    for quarter_s in range(seconds * 4):
        schedule.step(quarter_s / 4)
    schedule.heal_all()
    return done, schedule.counts


def test_the_same_seed_kills_the_same_and_another_one_other_things():
    assert lived(1, 120) == lived(1, 120)
    assert lived(1, 120) != lived(2, 120)


def test_every_fault_that_began_has_ended_in_the_end():
    done, counts = lived(3, 200)

    assert sorted(name for name in done if not name.startswith("no ")) == sorted(name[3:] for name in done if name.startswith("no "))
    assert sum(counts.values()) * 2 == len(done) > 20


def test_growth_is_the_last_third_over_the_first():
    assert soak.growth_bytes([100, 100, 100, 150, 150, 150, 200, 200, 201]) == 100
    assert soak.growth_bytes([100] * 50 + [90000] + [100] * 50) == 0, "one peak is no growth"


def test_a_sound_run_has_no_problems():
    assert list(soak.problems(FINE)) == []


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("live_heap_growth_bytes", soak.GROWTH_BYTES + 1, "live heap"),
        ("watchdog_resets", 1, "watchdog_resets"),
        ("restarts", 1, "restarts"),
        ("charges_at_the_end", False, "the car"),
        ("largest_free_block_low_bytes", 100, "in pieces"),
        ("largest_free_block_low_bytes", None, "in pieces"),
    ],
)
def test_what_is_wrong_is_named(name, value, says):
    (text,) = soak.problems({**FINE, name: value})

    assert says in text


def test_what_can_not_be_healed_yet_is_healed_later():
    down = [True]
    healed = []

    def heal():
        if down:
            raise ValueError("the broker is down")
        healed.append(1)

    schedule = soak.Schedule(1, {"primary": (lambda: None, heal)})
    schedule.step(0)
    with pytest.raises(ValueError, match="down"):
        schedule.step(1000)
    down.clear()
    schedule.heal_all()
    assert healed == [1]
