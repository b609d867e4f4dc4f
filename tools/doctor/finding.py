"""What a check has found: a level, what was looked at, what is there, and what to do about it."""

import dataclasses

OK, HINT, FIX = "ok", "hint", "fix"  # fine; works, but look at it; must be fixed, and the exit status is 1


@dataclasses.dataclass(frozen=True)
class Finding:
    """`what` names the thing, `found` says what it is like, `todo` what to do (empty when it is fine)."""

    level: str
    what: str
    found: str
    todo: str = ""

    def line(self):
        return f"{self.level:<4}  {self.what}: {self.found}" + (f". {self.todo}" if self.todo else "")


def ok(what, found):
    return Finding(OK, what, found)


def hint(what, found, todo):
    return Finding(HINT, what, found, todo)


def fix(what, found, todo):
    return Finding(FIX, what, found, todo)
