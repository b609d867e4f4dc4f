"""`_thread` as MicroPython has it, for firmware that runs on CPython: stacks of a few kB are accepted (and made larger)."""
import _thread

_SMALLEST_STACK = 64 * 1024  # CPython refuses less than 32 kB; this leaves room for a resolver

allocate_lock = _thread.allocate_lock
exit = _thread.exit
get_ident = _thread.get_ident
start_new_thread = _thread.start_new_thread


def stack_size(size=0):
    return _thread.stack_size(max(size, _SMALLEST_STACK) if size else 0)
