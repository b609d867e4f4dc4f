"""What a seed decides, kept as a list, so that one event can be left out of a life without changing the others."""


class Draws:
    """Draws by lot from `random` (random.Random) and keeps in `taken` what came out."""

    def __init__(self, random):
        self.taken = []
        self._random = random

    def choice(self, options):
        return options[self._keep(self._random.choice(range(len(options))))]

    def randrange(self, *limits):
        return self._keep(self._random.randrange(*limits))

    def random(self):
        return self._keep(self._random.random())

    def take(self):
        """What came out since the last call."""
        taken, self.taken = self.taken, []
        return taken

    def _keep(self, value):
        self.taken.append(value)
        return value


class Replay:
    """Gives again what was drawn. ValueError when more is asked for: the code draws otherwise than it did."""

    def __init__(self, taken):
        self._left = list(taken)

    def choice(self, options):
        return options[self._next() % len(options)]

    def randrange(self, *limits):
        return self._next()

    def random(self):
        return self._next()

    def _next(self):
        if not self._left:
            raise ValueError("the trace has no more draws: it was made by another version of host_tests/sim; run its seed again")
        return self._left.pop(0)
