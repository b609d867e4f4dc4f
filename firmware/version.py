"""The firmware's version, as shown on get/version."""

VERSION = b"0.1.0"
