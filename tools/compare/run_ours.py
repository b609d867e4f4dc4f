"""Starts the firmware for tools.compare on the unix port of MicroPython. When the file `ask` appears in its folder it prints a line with its
heap and removes it. At the start: nothing of this is on a device."""

import gc
import json
import os


def report_if_asked(gateway):
    """Once per second, by the loop of app."""
    try:
        os.remove("ask")
    except OSError:
        return
    gc.collect()
    print(json.dumps({"live_bytes": gc.mem_alloc(), "cycles": gateway.lines.plans[0].rounds}))


import boot
import failsafe

failsafe.run(report_if_asked)
