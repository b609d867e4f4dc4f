"""An SNTP server behind the port of the firmware, in virtual time. Plain Python that also runs on MicroPython."""

SECONDS_1900 = 2208988800  # from 1900-01-01 to 1970-01-01


def answer_to(question, unix_s, fraction=0, stratum=2, mode=4, leap=0):
    """A good answer; fraction: of a second, in 1/65536."""
    packet = bytearray(48)
    packet[0] = leap << 6 | 4 << 3 | mode
    packet[1] = stratum
    packet[24:32] = question[40:48]
    packet[40:44] = ((unix_s + SECONDS_1900) & 0xFFFFFFFF).to_bytes(4, "big")
    packet[44:46] = fraction.to_bytes(2, "big")
    return packet


class TimeServer:
    """`answers`: what comes back for a question, a function of it or None for silence. `known`: of the name, 1, 0 or -1."""

    def __init__(self, unix_s=1795327212):
        self.unix_s = unix_s
        self.known = 1
        self.sockets = True  # False: there is none left
        self.is_open = False
        self.broken = False
        self.asked = []  # (host, port)
        self.questions = []
        self.waiting = []
        self.answers = lambda question: answer_to(question, self.unix_s)
        self._lot = 1

    def resolve(self, host, port):
        self.asked.append((host, port))

    def resolved(self):
        return self.known

    def open(self):
        self.is_open = self.sockets
        self.waiting = []
        return self.sockets

    def write(self, buf, n):
        self.questions.append(bytes(buf[:n]))
        if self.answers:
            self.waiting.append(self.answers(self.questions[-1]))
        return n

    def readinto(self, buf):
        if self.broken or not self.is_open:
            return -1
        if not self.waiting:
            return 0
        data = self.waiting.pop(0)
        n = min(len(data), len(buf))
        buf[:n] = data[:n]
        return n

    def close(self):
        self.is_open = False

    def random(self, buf, at, n):
        for i in range(n):
            self._lot = self._lot * 25173 + 13849 & 0xFFFF
            buf[at + i] = self._lot >> 8
