"""The command line of make flash and make configure."""

import argparse

from tools import board_data, maintenance
from tools.flash import stock


def parser():
    result = argparse.ArgumentParser(
        prog="python -m tools.flash",
        description="Brings a board to Ladepunkt, or a box to this version. A running box goes to 0 A first; one that charges refuses. "
        "The version before stays on the box: when the new one does not start three times in a row, the box goes back by itself.",
    )
    add = result.add_argument
    add("--board", choices=board_data.names(), metavar="NAME", help="one of: " + ", ".join(board_data.names()))
    add("--port", help="USB port of the board; default: the only one there is")
    add("--baud", type=int, default=maintenance.BAUD, help="of the console (default %(default)s)")
    add("--config", metavar="FILE", help="this config.json; default: the one on the box, or questions where there is none")
    add("--ask", action="store_true", help="ask all questions, with what is on the box as defaults")
    add("--force", action="store_true", help="also end a charging session")
    add("--image", metavar="FILE", help="image of MicroPython, written where it is missing or too old; a web address needs --image-sha256")
    add("--download", action="store_true", help=f"download MicroPython {stock.VERSION} without asking, where one is needed and no --image named")
    add("--image-sha256", metavar="SUM", help="what the image must be, downloaded or named")
    add("--write-image", action="store_true", help="write the image in any case")
    add("--erase", action="store_true", help="with --write-image: erase the flash before, configuration included")
    add("--no-image", action="store_true", help="never touch MicroPython itself")
    add("--replace-floor", action="store_true", help="also replace boot.py, main.py and failsafe, which otherwise outlive updates")
    add("--replace-board", action="store_true", help="also replace a board.json that somebody has changed")
    add("--only-config", action="store_true", help="the configuration, and nothing else")
    return result
