"""Firmwares that share a feeder wrongly, for `mutants`. Each patches one thing."""

from sharing import Sharing


def grant_is_all_that_counts(patch):
    """What the other EVSE may still signal does not count, only what it was granted."""
    patch.setattr(Sharing, "_possible_ca", lambda self, i: self._granted_ca[i])


def each_has_the_feeder_alone(patch):
    """Both charge points get what they want, up to all of the feeder."""
    patch.setattr(Sharing, "_share_ca", lambda self, i: min(self._wanted_ca[i], self._shared_ca))
    patch.setattr(Sharing, "_possible_ca", lambda self, i: 0)


def given_back_when_commanded(patch):
    """What a charge point gives back is the other one's at once, before it was written and read back."""

    def look(self, i, evse):
        self._most_ca[i] = min(self._points[i].limit_ca, self._granted_ca[i])

    patch.setattr(Sharing, "_look_at", look)
