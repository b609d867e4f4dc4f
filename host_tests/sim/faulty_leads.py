"""Firmwares with one fault each, for `mutants`: they treat controllers that lead by Modbus, or two doors, wrongly. Each patches one thing."""

from intents import NOBODY, Wish
from reads import Reads

import reads


def reads_never_expire(patch):
    """Who has read registers once is alive for ever."""
    patch.setattr(Reads, "check", lambda self, now_ms: None)


def reads_count_for_90_s(patch):
    """A read of registers keeps alive for 90 s."""
    patch.setattr(reads, "READ_LIMIT_MS", 90000)


def higher_of_two_doors(patch):
    """Of two doors that want current the last one gets what it wants."""
    current_ca = Wish.current_ca

    def generous(self, now_ms):
        current_ca(self, now_ms)
        return None if self.door == NOBODY else self._ca[self.door]

    patch.setattr(Wish, "current_ca", generous)
