"""Stand-in for the ESP32's `esp32`: non-volatile storage that lasts as long as the process."""
import errno


class NVS:
    _spaces = {}

    def __init__(self, namespace):
        self._values = NVS._spaces.setdefault(namespace, {})

    def set_i32(self, key, value):
        if len(key) > 15:
            raise OSError(errno.EINVAL, "keys have at most 15 characters")
        self._values[key] = value

    def get_i32(self, key):
        if key not in self._values:
            raise OSError(errno.ENOENT)
        return self._values[key]

    def erase_key(self, key):
        del self._values[key]

    def commit(self):
        pass
