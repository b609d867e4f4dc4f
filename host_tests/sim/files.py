"""Files under the virtual world that a power cut can catch half-way: the real storage.Flash, and the real set-up page, write to them.

As littlefs does it: what is written to a file is there when it is closed, and a rename is there at once. A cut during a write leaves
half of the new content in the file that was open, which is worse than littlefs.
"""

import contextlib
import errno
import io
import json

import app
import config
import setup_mode
import storage
from memory import NAME, PAYLOAD_BYTES
from record import HEAD_BYTES
from host_tests.sim.chip import HARD_RESET, PWRON_RESET, PowerCut, WorldFlash

CONFIG = "config.json"
LEAVES_NOTHING, LEAVES_HALF, LEAVES_ALL = range(3)  # of the operation in which the power goes
OPERATIONS = 3  # of a save: open, close, rename
LENT = ((storage, "open"), (storage, "os"), (setup_mode, "open"), (setup_mode, "os"), (app, "open"))
HELD_MS = 3000  # at 0 A, until somebody has copied a file again


class _File:
    def __init__(self, files, name, content, writable):
        self._files = files
        self._name = name
        self._writable = writable
        self._text = io.BytesIO(content)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self._writable and not failure[0]:
            content = self._text.getvalue()
            self._files.operate(lambda: self._files.put(self._name, content), lambda: self._files.put(self._name, content[: len(content) // 2]))

    def write(self, data):
        return self._text.write(data.encode() if isinstance(data, str) else bytes(data))

    def readinto(self, buf):
        return self._text.readinto(buf)

    def read(self):
        return self._text.read().decode()


class Files(WorldFlash):
    """`files` by name. It stands where os and open stand, and where storage.Flash stands for the gateway (load, save).

    `cut_in`: the power goes with that many operations from now on, None: it does not. `leaves`: how much of that one is done.
    `versions`: by name, what the next start may find there; None stands for nothing. `refused`: a start did not take config.json.
    """

    def __init__(self, world):
        super().__init__(world)
        self.cut_in = None
        self.leaves = LEAVES_ALL
        self.refused = False
        self._flash = None
        raw = json.loads(json.dumps(world.config))
        if raw["mqtt"]["mode"] == "broker":
            raw["mqtt"]["host"] = None
        self.files[CONFIG] = self._good = json.dumps(raw).encode()
        self.versions = {NAME: [None], CONFIG: [self._good]}

    # --- for the world ---

    def start(self):
        """At every start of the box: files, and the configuration. One that is refused is copied again by somebody."""
        with self._lent():
            self._flash = storage.Flash()
        self.refused = False
        try:
            self._world.config = self._read_config()
        except (SystemExit, config.ConfigError):
            self.refused = True
            self._world.wait(HELD_MS)
            self.files[CONFIG] = self._good
            self._world.config = self._read_config()

    def _read_config(self):
        with self._lent():
            return config.check_config(app.read_json(CONFIG))

    @contextlib.contextmanager
    def _lent(self):
        """The firmware works on these files."""
        kept = [(module, name, vars(module).get(name)) for module, name in LENT]
        for module, name in LENT:
            setattr(module, name, self.open if name == "open" else self)
        try:
            yield
        finally:
            for module, name, old in kept:
                setattr(module, name, old) if old is not None else delattr(module, name)

    def damage(self, name, content, may_be=()):
        """Something that is no version of it: worn flash, or a file that was cut short. may_be: what it may count as all the same."""
        if name in self.files:
            self.files[name] = bytes(content)
            self.versions[name] = [None, *may_be]
            self.sure = False

    def set_up(self, limit_a):
        """The set-up page saves another limit and another password; then the box starts, whatever has come of it."""
        before = self.files[CONFIG]
        wanted = json.loads(before)
        wanted["wifi"] = {"ssid": "at home", "password": "%d secrets" % limit_a}
        wanted["installation_limit_a"] = limit_a
        self.versions[CONFIG] = [before, json.dumps(wanted).encode()]
        cause = HARD_RESET
        try:
            with self._lent():
                setup_mode.save({"ssid": "at home", "password": "%d secrets" % limit_a, "limit": str(limit_a)})
            self.versions[CONFIG] = self.versions[CONFIG][1:]
        except PowerCut:
            cause = PWRON_RESET
        except OSError:
            pass  # flash is full: the page says so
        self._world.start_gateway(cause)

    def found(self):
        """For the checker: what a start after a loss of power has found that nobody has written; None when all is well. Told once."""
        expected = [_payload(version) for version in self.versions[NAME]]
        if self._world.chip.cause == PWRON_RESET and bytes(self._world.gateway.memory.value) not in expected:
            return "%s: %s" % (NAME, self._world.gateway.memory.value.hex())
        limits = [json.loads(version) for version in self.versions[CONFIG] if version is not None]
        if self.refused:
            expected, self.versions[CONFIG] = self.versions[CONFIG], [self._good]
            return None if None in expected else "%s: refused" % CONFIG
        for known in limits or [json.loads(self._good)]:
            if all(self._world.config[key] == known[key] for key in known if key != "mqtt"):
                self._good = self.files[CONFIG]
                self.versions[CONFIG] = [self._good]
                return None
        return "%s: %r" % (CONFIG, self._world.config)

    # --- for the gateway ---

    def load(self, name, buf):
        with self._lent():
            return self._flash.load(name, buf)

    def save(self, name, buf, n):
        self.writes.append(self._world.now_ms)
        old, new = self.versions.get(name, [None]), bytes(buf[:n])
        self.versions[name] = [*old, new]
        self.sure = False
        with self._lent():
            self.sure = self._flash.save(name, buf, n)
        self.versions[name] = [new] if self.sure else old
        return self.sure

    # --- as open and os ---

    def open(self, name, mode="r"):
        if "w" in mode:
            if self.full:
                raise OSError(errno.ENOSPC, name)
            self.operate(lambda: self.put(name, b""))
            return _File(self, name, b"", True)
        return _File(self, name, self._content(name), False)

    def rename(self, old, new):
        def do():
            self.put(new, self.files.pop(old))

        self.operate(do)

    def listdir(self, folder="."):
        return list(self.files)

    def remove(self, name):
        self._content(name)
        self.operate(lambda: self.files.pop(name))

    def put(self, name, content):
        self.files[name] = content

    def operate(self, whole, half=None):
        """One operation, unless the power goes before, in the middle of it, or right after it."""
        cut = self.cut_in == 0
        if self.cut_in is not None:
            self.cut_in -= 1
        if not cut:
            whole()
            return
        self.cut_in = None
        if self.leaves == LEAVES_ALL or self.leaves == LEAVES_HALF and half is None:
            whole()
        elif self.leaves == LEAVES_HALF:
            half()
        raise PowerCut

    def stat(self, name):
        self._content(name)

    def _content(self, name):
        if name not in self.files:
            raise OSError(errno.ENOENT, name)
        return self.files[name]


def _payload(version):
    """What Memory holds after this record, bytes or None, was found in flash."""
    return bytes(PAYLOAD_BYTES) if version is None else version[HEAD_BYTES : HEAD_BYTES + PAYLOAD_BYTES]
