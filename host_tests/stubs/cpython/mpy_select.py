"""`select` as MicroPython has it, for firmware that runs on CPython: poll objects hand back the object, not its number."""
import errno
import select as _select

POLLIN = _select.POLLIN
POLLOUT = _select.POLLOUT
POLLERR = _select.POLLERR
POLLHUP = _select.POLLHUP


class poll:
    def __init__(self):
        self._real = _select.poll()
        self._objects = {}  # file descriptor -> registered object
        self._descriptors = {}  # id of the object -> its descriptor; outlives a close(), after which fileno() is -1

    def register(self, obj, mask=POLLIN | POLLOUT):
        fd = obj.fileno()
        self._objects[fd] = obj
        self._descriptors[id(obj)] = fd
        self._real.register(fd, mask)

    def modify(self, obj, mask):
        if id(obj) not in self._descriptors:
            raise OSError(errno.ENOENT, "not registered")
        self._real.modify(self._descriptors[id(obj)], mask)

    def unregister(self, obj):
        fd = self._descriptors.pop(id(obj), None)
        if fd is not None and self._objects.get(fd) is obj:
            del self._objects[fd]
            self._real.unregister(fd)

    def poll(self, timeout_ms=-1):
        return [(self._objects[fd], events) for fd, events in self._real.poll(timeout_ms)]

    def ipoll(self, timeout_ms=-1, flags=0):
        return iter(self.poll(timeout_ms))
