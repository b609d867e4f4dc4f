"""The virtual world. Importing it makes the firmware importable, so that its modules also run as commands."""

import sys

if sys.implementation.name != "micropython":
    from host_tests.stubs.cpython import install

    install.install()
