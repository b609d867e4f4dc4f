"""make flash: from a bare board to a box that says it is healthy."""


class FlashError(Exception):
    """The text says what happened and what to do next."""
