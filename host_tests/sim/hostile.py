"""One client that sends anything: what the fuzz tests of both doors share."""

import os
import random

from connections import BODY_BYTES, CHUNK_BYTES, TX_BYTES
from hypothesis import HealthCheck, settings

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
CASES = 20000 if MINUTES >= 10 else 5000
FUZZ = settings(derandomize=True, deadline=None, max_examples=CASES, database=None, suppress_health_check=list(HealthCheck))


class Lot:
    """What one seed makes the client do; drawn here and not by hypothesis, which would take longer than the test.

    `pieces`: packets, good and bad, of which it sends up to `pieces_max`, some of them damaged. `_damage` may know more ways to do that.
    """

    def __init__(self, seed, pieces, pieces_max):
        self.lot = random.Random(seed)
        choice = self.lot.choice
        self.data = [bytes(self._damage(bytearray(choice(pieces)), self.lot.randrange(9))) for _ in range(self.lot.randrange(pieces_max + 1))]
        self.portion = choice((1, 3, 50, 10000))
        self.room = choice((None, None, None, 0, 3, 200))
        self.ending = choice(("stay", "stay", "fin", "rst"))

    def _damage(self, data, kind):
        lot = self.lot
        if kind == 0:
            data[lot.randrange(len(data))] = lot.randrange(256)
        elif kind == 1:
            del data[lot.randrange(len(data)) :]
        elif kind == 2:
            return lot.randbytes(lot.randrange(300))
        elif kind == 3:
            at = lot.randrange(len(data))
            data[at:at] = lot.randbytes(lot.randrange(1, 4))
        return data

    def __repr__(self):
        return str({name: value for name, value in vars(self).items() if name != "lot"})

    def attack(self, box, address):
        """The client, which has sent everything."""
        client = box.dial(address)
        client.portion, client.room = self.portion, self.room
        client.send(b"".join(self.data))
        if self.ending != "stay":
            client.hang_up() if self.ending == "fin" else client.reset()
        return client


def check_buffers(pool):
    """Nothing has grown."""
    for slot in pool.slots:
        if slot.chunk is None:
            continue  # nobody has been there
        assert (len(slot.chunk), len(slot.inbound.buf), len(slot.tx.buf)) == (CHUNK_BYTES, BODY_BYTES, TX_BYTES)
        assert 0 <= slot.tx.start <= slot.tx.end <= TX_BYTES
