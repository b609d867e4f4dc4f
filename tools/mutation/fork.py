"""Work in a child process that shows nothing, and what came of it."""
import os
import pickle
import resource
import select
import signal
import time

TIMEOUT = "timeout"
WALL_LIMIT_S = 180  # of one mutant, should it sleep
MEMORY_LIMIT_BYTES = 4 << 30


def forked(function, cpu_limit_s=None):
    """(TIMEOUT or None, what function() returned in a forked child that shows nothing)."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        as_child(function, into, cpu_limit_s)
    os.close(into)
    data = bytearray()
    end_s = time.monotonic() + (WALL_LIMIT_S if cpu_limit_s else 3600)
    while select.select([out], [], [], max(0, end_s - time.monotonic()))[0]:
        piece = os.read(out, 1 << 16)
        if not piece:
            break
        data += piece
    else:
        os.kill(child, signal.SIGKILL)
    os.close(out)
    os.waitpid(child, 0)
    return (None, pickle.loads(data)) if data else (TIMEOUT, None)


def limit_cpu(more_s):
    """This process may take `more_s` of CPU time from now on, within the limit that it was started with."""
    _, hard_s = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(hard_s, int(time.process_time() + more_s) + 1), hard_s))


def as_child(function, into, cpu_limit_s):
    """Never returns into the code of its parent."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        if cpu_limit_s:
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_limit_s) + 1, int(cpu_limit_s) + 2))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
        try:
            found = function()
        except BaseException as problem:
            found = RuntimeError(repr(problem))
        with os.fdopen(into, "wb") as pipe:
            pipe.write(pickle.dumps(found))
    finally:
        os._exit(0)
