"""What the box knows of itself, for the page. Runs on MicroPython, too."""


class Vitals:
    uptime_s = 90061
    longest_step_ms = 12

    def free_bytes(self):
        return 65536

    def used_bytes(self):
        return 98304

    def idf_free_bytes(self):
        return 40000

    def rssi_dbm(self):
        return -61
