"""Firmwares with one fault each, and which invariant must catch them: proof that every invariant can fail.

    python -m host_tests.sim.mutants [NAME...]          lets each live until its invariant breaks; status 1 when one survives
    python -m host_tests.sim.mutants --find [NAME...]   looks for the life that shows each soonest, and writes it into the table

NAME is an invariant or a mutant; none: all of them. A new mutant is a function in one of the
modules faulty_... and a row here.
"""

import argparse
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from host_tests.sim import faulty_charging as charging
from host_tests.sim import faulty_files as files
from host_tests.sim import faulty_leads as leads
from host_tests.sim import faulty_sharing as sharing
from host_tests.sim import faulty_starts as starts
from host_tests.sim import faulty_stops as stops
from host_tests.sim import faulty_switches as switches
from host_tests.sim import faulty_talking as talking
from host_tests.sim import swarm
from host_tests.sim.invariants import SENTENCES, Violation

SECONDS = 200  # of world time in one life
LIVES = range(1, 41)  # seeds, within which a mutant must be caught
SWITCHING_LIVES = range(swarm.SWITCHING, swarm.SWITCHING + 40)  # ... where it takes a phase relay
SHARING_LIVES = range(swarm.SHARING, swarm.SHARING + 40)  # ... a feeder for both
LEADING_LIVES = range(swarm.LEADING, swarm.LEADING + 40)  # ... a controller that leads by Modbus
PROCESSES = 2
LOGIC = "logic"
TIMING = "timing"  # a wrong time, age, order or wrap

# the mutant, the invariant that must break, its kind, and the life that shows it soonest (the others follow); `make test` runs the
# first mutant of each invariant
MUTANTS = (
    (starts.no_zero_at_the_start, "zero_first", LOGIC, 1),
    (starts.floor_offers_6_a, "zero_first", LOGIC, 1),
    (starts.first_zero_half_a_second_late, "zero_first", TIMING, 1),
    (charging.no_minimum, "no_gap_values", LOGIC, 1),
    (charging.precise_scale_forgotten, "no_gap_values", LOGIC, 2),
    (charging.scale_of_before_the_change, "no_gap_values", TIMING, 2),
    (charging.soft_start, "no_gap_values", TIMING, 1),
    (charging.installation_limit_ignored, "ceilings", LOGIC, 2),
    (charging.evse_and_cable_ignored, "ceilings", LOGIC, 46),
    (charging.soft_stop, "ceilings", TIMING, 3),
    (charging.set_points_taken_late, "ceilings", TIMING, 27),
    (charging.one_heartbeat_is_enough, "alive_only", LOGIC, 1),
    (charging.repeated_heartbeats_count, "alive_only", LOGIC, 18),
    (charging.replayed_heartbeats_count, "alive_only", LOGIC, 20),
    (charging.one_heartbeat_after_a_silence_is_enough, "alive_only", TIMING, 5),
    (charging.ages_of_15_bits, "alive_only", TIMING, 5),
    (charging.ages_without_the_wrap, "alive_only", TIMING, 28),
    (charging.heartbeat_never_expires, "cut_off", LOGIC, 6),
    (charging.zero_is_not_written, "cut_off", LOGIC, 6),
    (charging.heartbeat_limit_3_s_too_long, "cut_off", TIMING, 6),
    (charging.zero_every_5_s, "cut_off", TIMING, 20),
    (charging.zero_2_s_late, "cut_off", TIMING, 6),
    (starts.set_up_again_without_zero, "back_at_zero", LOGIC, 1),
    (starts.zero_is_not_repeated, "back_at_zero", LOGIC, 1),
    (starts.back_at_zero_3_s_late, "back_at_zero", TIMING, 1),
    (talking.precise_bit_written_again_and_again, "eeprom", LOGIC, 2),
    (talking.stopped_in_its_configuration, "eeprom", LOGIC, 1),
    (talking.precise_bit_written_until_settled, "eeprom", TIMING, 2),
    (talking.precise_bit_refreshed_every_10_s, "eeprom", TIMING, 2),
    (talking.no_gap, "quiet_line", TIMING, 1),
    (talking.gap_of_1_ms, "quiet_line", TIMING, 1),
    (talking.echo_taken_for_the_end, "quiet_line", LOGIC, 40),
    (talking.replies_have_30_ms, "quiet_line", TIMING, 5),
    (talking.set_up_cut_short, "transitions", LOGIC, 1),
    (talking.greets_on_a_dead_connection, "transitions", LOGIC, 10),
    (talking.set_up_repeated_every_20_s, "transitions", TIMING, 1),
    (talking.answers_of_an_earlier_life_taken, "transitions", TIMING, 6),
    (talking.last_topic_forgotten, "complete_set", LOGIC, 3),
    (talking.second_charge_point_not_told, "complete_set", LOGIC, 5),
    (talking.rounds_end_at_once, "complete_set", LOGIC, 1),
    (talking.published_every_4_s, "complete_set", TIMING, 1),
    (talking.nothing_published_after_the_wrap, "complete_set", TIMING, 6),
    (talking.wrong_crc_taken, "no_foreign_data", LOGIC, 20),
    (talking.decoded_while_it_arrives, "no_foreign_data", TIMING, 1),
    (talking.reply_handed_to_the_next, "no_foreign_data", TIMING, 1),
    (talking.sleeps_5_s, "bounded_wait", LOGIC, 1),
    (talking.sleeps_until_the_next_dial, "bounded_wait", TIMING, 4),
    (talking.overdue_is_below_zero, "bounded_wait", TIMING, 9),
    (starts.lost_heartbeat_never_comes_back, "resumes", LOGIC, 7),
    (starts.pilot_stays_open, "resumes", LOGIC, 1),
    (starts.dials_every_5_min, "resumes", TIMING, 7),
    (stops.zero_set_point_ignored, "confirmed_or_open", LOGIC, 1),
    (stops.zero_set_point_10_s_late, "confirmed_or_open", TIMING, 1),
    (stops.sent_is_obeyed, "confirmed_or_open", LOGIC, 16),
    (stops.pilot_never_opens, "confirmed_or_open", LOGIC, 16),
    (stops.pilot_opens_after_30_s, "confirmed_or_open", TIMING, 20),
    (stops.pilot_closes_without_zero, "cp_closing", LOGIC, 12),
    (stops.pilot_closes_when_zero_is_read, "cp_closing", TIMING, 23),
    (stops.pilot_closes_after_3_s, "cp_closing", TIMING, 34),
    (stops.floor_forgets_the_relay, "open_survives", LOGIC, 24),
    (stops.relay_not_kept, "open_survives", LOGIC, 24),
    (stops.relay_kept_30_s_late, "open_survives", TIMING, 24),
    (stops.relay_restored_after_the_frames, "open_survives", TIMING, 24),
    (stops.open_pilot_is_an_unplug, "no_unplug", LOGIC, 8),
    (stops.relay_state_not_told, "no_unplug", LOGIC, 10),
    (stops.plug_believed_at_once, "no_unplug", TIMING, 13),
    (stops.weld_not_seen, "weld", LOGIC, 34),
    (stops.weld_opens_nothing, "weld", LOGIC, 34),
    (stops.weld_seen_after_20_s, "weld", TIMING, 34),
    (stops.over_current_not_seen, "over_current", LOGIC, 26),
    (stops.over_current_of_half_as_much, "over_current", LOGIC, 26),
    (stops.over_current_seen_after_30_s, "over_current", TIMING, 26),
    (stops.heartbeat_clears, "latched", LOGIC, 6),
    (stops.set_point_clears, "latched", LOGIC, 16),
    (stops.cleared_by_itself_after_10_s, "latched", TIMING, 6),
    (starts.evse_comes_back_unnoticed, "asked_again", LOGIC, 22),
    (starts.evse_gets_its_set_point_back, "asked_again", LOGIC, 1),
    (starts.configuration_believed_for_a_minute, "asked_again", TIMING, 13),
    (stops.flash_written_while_charging, "flash_at_rest", LOGIC, 6),
    (stops.flash_written_before_zero_is_read, "flash_at_rest", LOGIC, 10),
    (stops.flash_written_at_once, "flash_at_rest", TIMING, 6),
    (switches.coil_without_waiting_for_the_car, "coil_at_zero", LOGIC, 1001),
    (switches.coil_with_the_pilot_closed, "coil_at_zero", LOGIC, 1001),
    (switches.coil_right_after_the_pilot_opened, "coil_at_zero", TIMING, 1001),
    (switches.turns_are_not_taken, "one_coil", LOGIC, 1002),
    (switches.both_coils_of_a_pair, "one_coil", LOGIC, 1001),
    (switches.turn_given_back_after_100_ms, "one_coil", TIMING, 1002),
    (switches.cool_down_ignored, "coil_cool_down", LOGIC, 1001),
    (switches.cool_down_forgotten_with_a_reset, "coil_cool_down", LOGIC, 1010),
    (switches.cool_down_of_half_the_time, "coil_cool_down", TIMING, 1001),
    (switches.pulse_never_ends, "coil_pulse", LOGIC, 1001),
    (switches.coil_on_until_the_pilot_closes, "coil_pulse", LOGIC, 1001),
    (switches.pulse_five_times_as_long, "coil_pulse", TIMING, 1001),
    (switches.set_point_counts_while_a_coil_is_on, "no_current_switching", LOGIC, 1001),
    (switches.set_point_counts_as_soon_as_the_pilot_closes, "no_current_switching", LOGIC, 1001),
    (switches.current_right_after_the_pilot_closed, "no_current_switching", TIMING, 1001),
    (sharing.grant_is_all_that_counts, "shared_feeder", LOGIC, 2006),
    (sharing.each_has_the_feeder_alone, "shared_feeder", LOGIC, 2002),
    (sharing.given_back_when_commanded, "shared_feeder", TIMING, 2006),
    (leads.reads_never_expire, "cut_off", LOGIC, 3001),
    (leads.reads_count_for_90_s, "cut_off", TIMING, 3001),
    (leads.higher_of_two_doors, "ceilings", LOGIC, 3005),
    (files.set_up_written_in_place, "kept_whole", LOGIC, 3001),
    (files.damaged_settings_are_defaults, "kept_whole", LOGIC, 3001),
    (files.old_settings_removed_first, "kept_whole", TIMING, 3001),
)


def name_of(row):
    return row[0].__name__


def life(mutate, seed, seconds):
    """One life with that fault: (the invariant that broke or None, the world's time at its end in s).

    RuntimeError when the mutant does not fit the firmware any more.
    """
    with pytest.MonkeyPatch.context() as patch:
        broken = None
        try:
            mutate(patch)
            box = swarm.Swarm(seed)
            box.run(seconds)
        except Violation as violation:
            broken = str(violation).split()[0]
        except Exception as error:
            raise RuntimeError(f"{mutate.__name__}: expected a life, found {error!r} in seed {seed}; fit it to the firmware") from error
    return broken, box.world.now_ms / 1000


def in_order(row, seeds):
    """The seed that the table names, then the others."""
    if row[3] >= swarm.SWITCHING and seeds is LIVES:
        seeds = (SWITCHING_LIVES, SHARING_LIVES, LEADING_LIVES)[min(2, row[3] // 1000 - 1)]
    return [row[3], *(seed for seed in seeds if seed != row[3])]


def caught(row, seeds=LIVES, seconds=SECONDS):
    """(seed, seconds) of the first life in which this mutant breaks its own invariant; None when it survives all of them."""
    for seed in in_order(row, seeds):
        broken, at_s = life(row[0], seed, seconds)
        if broken == row[1]:
            return seed, at_s
    return None


def soonest(row, seeds=LIVES):
    """As caught, but the life that shows it soonest, of all."""
    best = None
    for seed in in_order(row, seeds):
        broken, at_s = life(row[0], seed, best[1] if best else SECONDS)
        if broken == row[1] and (best is None or at_s < best[1]):
            best = seed, at_s
    return best


def tried(search, row):
    """What search(row) found, or the text of what went wrong: the others shall live all the same."""
    try:
        return search(row)
    except RuntimeError as problem:
        return str(problem)


def report(rows, found):
    """Prints a line per mutant; returns the exit status. found: what `tried` gave, in the order of the rows."""
    caught_n = 0
    for row, show in zip(rows, found):
        where = show or "survived"
        if isinstance(show, tuple):
            where = f"caught in seed {show[0]} after {show[1]:.1f} s"
            caught_n += 1
        print(f"{name_of(row)}, {row[1]}, {row[2]}, {where}", flush=True)
    print(f"{len(rows)} mutants, {caught_n} caught")
    return 0 if caught_n == len(rows) else 1


def chosen(names):
    """The rows that the command line names. SystemExit for a name that means none."""
    for name in names:
        if name not in SENTENCES and name not in map(name_of, MUTANTS):
            sys.exit(f"mutants: expected invariants ({', '.join(SENTENCES)}) or mutants, found {name!r}; correct the name")
    return [row for row in MUTANTS if not names or row[1] in names or name_of(row) in names]


def with_seeds(text, rows, found):
    """The text of this file with the seeds that were found in its table."""
    for row, show in zip(rows, found):
        if isinstance(show, tuple):
            text = re.sub(rf'(\.{name_of(row)}, "{row[1]}", \w+), \d+\)', rf"\g<1>, {show[0]})", text)
    return text


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m host_tests.sim.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="invariant or mutant")
    parser.add_argument("--find", action="store_true", help="look for the life that shows each soonest, and store it")
    options = parser.parse_args(arguments)
    rows = chosen(options.names)
    with ProcessPoolExecutor(PROCESSES) as pool:
        found = []
        status = report(rows, kept(pool.map(tried, [soonest if options.find else caught] * len(rows), rows), found))
    if options.find:
        path = Path(__file__)
        path.write_text(with_seeds(path.read_text(encoding="utf-8"), rows, found), encoding="utf-8")
    return status


def kept(items, into):
    """Each of the items as it comes, put into the list as well."""
    for item in items:
        into.append(item)
        yield item


if __name__ == "__main__":
    sys.exit(main())
