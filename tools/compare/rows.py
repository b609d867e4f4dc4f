"""What docs/benchmarks.md tells: one row per number, with how it is measured, and which of two is better."""

LOW, HIGH, NEITHER = "low", "high", ""

# Sections of rows: key, what it is, decimals, unit, which is better.
SECTIONS = (
    (
        "What repeats exactly",
        "On a 32-bit MicroPython, whose words, blocks and small integers are those of an ESP32, in virtual time on a line of 9600 baud: instructions of its"
        " virtual processor, and bytes of its heap. A *cycle* is EVSE and meter read once, with its share of the 26 topics that are published every"
        " second. A *command* is one heartbeat and one new set point, with everything that follows from them, beyond the cycles around them. CPython"
        " counts neither.",
        (
            ("bytes_left_per_cycle", "garbage of a bus cycle in which nobody speaks", 0, "bytes", LOW),
            ("bytes_asked_per_cycle", "bytes asked for in such a bus cycle, what is freed at once included", 0, "bytes", LOW),
            ("kops_per_cycle", "operations of such a bus cycle", 0, "thousand", LOW),
            ("bytes_left_per_command", "garbage of a command", 0, "bytes", LOW),
            ("kops_per_command", "operations of a command", 0, "thousand", LOW),
            ("command_p50_virtual_ms", "a set point from its arrival to the last byte of its frame, were the processor infinitely fast, median of 100", 0, "ms", LOW),
            ("command_p99_virtual_ms", "the same, all but the slowest hundredth of those set points", 0, "ms", LOW),
            ("bus_cycle_ratio_virtual", "time of the bus over the least that its frames can take, were the processor infinitely fast", 3, "", LOW),
            ("live_heap_bytes_32", "live heap after a collection, everything as .mpy, without umqtt (frozen in stock images)", 0, "bytes", LOW),
        ),
    ),
    (
        "On the line",
        "The real programs with real sockets, all three at the same moment, each on a simulated RS485 line of its own (9600 baud, 20 ms latency). 1.000 is the"
        " least that the same frames can take with the 3.5 characters of silence that Modbus demands before each of them; below 1 somebody does not keep it.",
        (
            ("bus_cycle_ratio", "time of the bus over the least that its frames can take, here", 3, "", LOW),
            ("silence_chars", "median silence before a request, in characters (Modbus: at least 3.5)", 1, "", NEITHER),
            ("bus_cycle_ratio_asked", "time of the bus over the least, while one Modbus TCP client is connected and asks once per second", 3, "", LOW),
        ),
    ),
    (
        "How soon",
        "From the moment the controller publishes the set point until the last byte of the frame that carries it to the EVSE is on the line; and from the"
        " heartbeat limit (30 s) until the last byte of the first 0 A frame is.",
        (
            ("command_p50_ms", "a set point to the EVSE, median", 0, "ms", LOW),
            ("command_p99_ms", "a set point to the EVSE, all but the slowest hundredth", 0, "ms", LOW),
            ("commands_lost", "set points that never came to the line", 0, "", LOW),
            ("cut_off_lag_ms", "0 A after the heartbeat limit, while broker, line and network are well", 0, "ms", LOW),
            ("cut_off_lag_hung_ms", "0 A after the heartbeat limit, while the broker hangs: it takes connections and says nothing", 0, "ms", LOW),
        ),
    ),
    (
        "Modbus TCP",
        "Requests for 10100..10116, one on its way per client. They take turns, and the best turn of each counts. Rates belong to the"
        " machine: compare them along the row.",
        (
            ("requests_per_second_1", "answers per second beside the rest of the job, one client", 0, "", HIGH),
            ("requests_per_second_4", "answers per second beside the rest of the job, four clients", 0, "", HIGH),
            ("served_of_4", "of four clients so many are served", 0, "", HIGH),
            ("answered_late", "requests of a client that asks once per second, not answered within 1 s", 0, "", LOW),
            ("alone_1", "answers per second of the server alone, with nothing else to do, one client", 0, "", HIGH),
            ("alone_4", "answers per second of the server alone, four clients", 0, "", HIGH),
        ),
    ),
    (
        "On this machine",
        "Processor time per cycle as a multiple of ours, the memory that the process occupies, and the live heap on 64 bit (the desk's; everything twice"
        " as wide).",
        (
            ("processor_ratio", "processor time of a cycle, ours is 1", 2, "", LOW),
            ("resident_bytes", "memory of the process", 0, "bytes", LOW),
            ("live_heap_bytes_64", "live heap after a collection, as it runs here", 0, "bytes", LOW),
        ),
    ),
)  # fmt: skip

# What a missing number means, by key; elsewhere a dash: nobody counts it there.
MISSING = {
    "cut_off_lag_ms": "**does not cut off**", "cut_off_lag_hung_ms": "**does not cut off**", "command_p50_ms": "none arrived", "command_p99_ms": "none arrived",
    "bus_cycle_ratio": "stands still", "bus_cycle_ratio_asked": "stands still",
}  # fmt: skip
