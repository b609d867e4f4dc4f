"""What only the start needs is given back when it is over: constructors, and who called them. See tools/boot_only.py."""

import gc
import sys

_MODULES = ("extras", "faults", "point_rows")  # that nobody reads any more; who does all the same loads them again
# A line for each module or class: module, class or "-", functions. The build writes them; where there is no build nothing is given back.
_NAMES = b""


def forget():
    """At boot, at its very end. Who calls one of them later finds None: the error ends in 0 A like any other."""
    for line in _NAMES.split(b"\n"):
        words = line.decode().split()
        if words and words[0] in sys.modules:
            owner = sys.modules[words[0]]
            if words[1] != "-":
                owner = getattr(owner, words[1])
            for name in words[2:]:
                setattr(owner, name, None)  # deleting would leave the function in the table's slot, and with it in memory
    for name in _MODULES + ("forget",):
        if name in sys.modules:
            del sys.modules[name]
    gc.threshold(-1)
    gc.collect()
