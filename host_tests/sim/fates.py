"""All faults that a life may have: the rows of `swarm`, and those of each part of the box that has its own.

A new part adds a module with a tuple ROWS of rows (what begins a fault, and what ends it) and a line here.
"""

from host_tests.sim import fates_doors, fates_flash, fates_leads, fates_net, fates_switch

PARTS = (fates_net, fates_switch, fates_doors)
LATER = (fates_leads, fates_flash)  # drawn from a lot of their own, see Swarm
ROWS = tuple(row for part in PARTS for row in part.ROWS)


def actions():
    """{name: action} of all rows."""
    return {action.__name__: action for part in PARTS + LATER for row in part.ROWS for action in row}
