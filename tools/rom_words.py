"""Names that every MicroPython with the features of an ESP32's has in flash (its ROM qstrs), and that no firmware needs.

They cost no heap, whatever they stand for. A word that an image lacks costs what any name does; nothing else depends on them.
No umqtt word is among them (its class is a base of ours), and none that C code looks for in objects of ours.
"""

WORDS = """
    ARRAY ArithmeticError AssertionError BFINT16 BFINT32 BFINT8 BFUINT16 BFUINT32 BFUINT8 BF_LEN BF_POS BIG_ENDIAN BytesIO CancelledError
    DeflateIO EACCES EADDRINUSE EALREADY EBADF ECONNABORTED ECONNREFUSED ECONNRESET EEXIST EHOSTUNREACH EINVAL EIO EISDIR ENOBUFS
    ENODEV ENOTCONN EOFError EOPNOTSUPP EPERM Ellipsis FLOAT32 FLOAT64 FrameBuffer FrameBuffer1 GS2_HMSB GS4_HMSB GS8 GZIP IOBase
    IndentationError LITTLE_ENDIAN Lock LookupError Loop MONO_HLSB MONO_HMSB MONO_VLSB MVLSB NATIVE NameError NoneType NotImplemented
    NotImplementedError OrderedDict OverflowError PTR RAW RGB565 RingIO STRUCT SingletonGenerator StopAsyncIteration StringIO SyntaxError
    TextIOWrapper ThreadSafeFlag UINT UINT64 ULONG ULONGLONG USHORT VOID ZLIB ZeroDivisionError
    a2b_base64 acos acosh addressof appendleft argv asctime asin asinh atan atan2 atanh atexit blit bound_method buffering bytearray_at
    bytecode byteorder bytes_at calcsize call_exception_handler ceil center choice classmethod closure cmath copysign coro cos cosh crc32
    create_task cur_task current_task default_exception_handler deflate degrees delattr deque dict_view digest divmod dumps ellipse
    enumerate erf erfc errorcode eval exc_info exec execfile expm1 fabs fill_rect filter floor floordiv fmod framebuf frexp fromhex fromkeys
    frozenset gamma get_event_loop get_exception_handler getcwd getenv getrandbits getvalue globals gmtime hashlib heapify heappop heappush
    heapq hexlify hline ilistdir imag implementation intersection intersection_update isalpha isclose isdisjoint isenabled isfinite isinf
    islower isnan isspace issubclass issubset issuperset isupper kbd_intr keepends ldexp lgamma loads locals localtime log10 log2 lstrip
    maxsize mem_info mkdir mktime modf namedtuple new_event_loop opt_level pend_throw ph_key pixel platform polar poly popitem popleft
    pow pow10 qstr_info queue_read radians randint randrange readlines rect reversed rfind rindex rmdir round rpartition rsplit rstrip run_until_complete
    run_forever schedule scroll setdefault sinh sizeof sleep_us splitlines sqrt staticmethod statvfs symmetric_difference
    symmetric_difference_update tanh threshold ticks_add ticks_cpu time_ns trunc uctypes umount unhexlify uniform union unpack_from vline
    wait_for wait_for_ms writeblocks zip
""".split()
