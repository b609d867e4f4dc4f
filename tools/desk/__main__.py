"""`python -m tools.desk`: a wallbox on your desk. `--help` says what it can do.

Only the standard library is imported before the environment is known to be complete: on a fresh machine this module creates
it with tools/setup.py and starts itself again inside.
"""

import os
import signal
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(arguments):
    wanted = _catch_signals()
    from tools.desk import settings

    options = settings.parser().parse_args(arguments)
    _enter_environment(arguments)
    return _run(options, wanted)


def _catch_signals():
    """An Event that SIGINT, SIGTERM and SIGHUP set: an exception at any line could lose a child that has just been started."""
    wanted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: wanted.set())
    return wanted


def _enter_environment(arguments):
    """Come back only when everything the desk needs can be imported."""
    from tools import setup

    if not setup.missing_for_desk():
        return
    if not setup.is_complete():
        setup.install()
    elif os.path.realpath(sys.prefix) == os.path.realpath(setup.ENVIRONMENT):
        raise SystemExit("The environment %s is damaged: run make clean, then make setup." % setup.ENVIRONMENT)
    sys.stdout.flush()
    os.execv(setup.PYTHON, [setup.PYTHON, "-m", "tools.desk"] + arguments)


def _run(options, wanted):
    from tools.desk import ui
    from tools.desk.desk import Desk, Stopped
    from tools.desk.settings import Trouble

    crash = _stop_on_crash(wanted)
    view = ui.choose(options)
    desk = None
    try:
        desk = Desk(options, wanted, view.say)
        desk.start()
        view.run(desk)
        view.summary(desk)
    except Stopped:
        view.say("stopped before everything ran")
        return 0
    except Trouble as trouble:
        view.say(str(trouble))
        return trouble.status
    finally:
        if desk is not None:
            desk.stop()
    return 1 if crash else 0


def _stop_on_crash(wanted):
    """A thread of the desk that dies takes the desk down instead of leaving half of it. Returns the list of crashes."""
    crash = []
    show = threading.excepthook

    def hook(details):
        show(details)
        crash.append(details.exc_type)
        wanted.set()

    threading.excepthook = hook
    return crash


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
