"""Is there anybody at that address, and which of a box's doors are open? Asked first, as nothing else can be told then."""

import concurrent.futures
import socket

from tools.doctor.finding import fix

TIMEOUT_S = 3
OPEN, REFUSED, SILENT, UNKNOWN = "open", "refused", "silent", "no such name"
OVER_USB = "`make doctor PORT=...` looks at it over USB"


def knock(host, port):
    """OPEN, REFUSED (a machine is there, but nobody at this port), SILENT, or UNKNOWN (nobody knows the name)."""
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except socket.gaierror:
        return UNKNOWN
    except (ConnectionRefusedError, ConnectionResetError):
        return REFUSED
    except OSError:
        return SILENT
    return OPEN


def knock_at_all(host, ports):
    """{port: one of the words above}, all at once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(ports)) as pool:
        return dict(zip(ports, pool.map(lambda port: knock(host, port), ports), strict=True))


def judge(host, doors):
    """[] when at least one door is open, else the one finding that says why none is. `doors`: see knock_at_all."""
    found = set(doors.values())
    ports = ", ".join(str(port) for port in doors)
    if OPEN in found:
        return []
    if UNKNOWN in found:
        todo = "use its address: the console of the box prints it at every start, your router lists it; a name ends in .local"
        return [fix(f"the box at {host}", "nobody knows this name", todo)]
    if REFUSED in found:
        todo = (
            "is it the address of the box (its console prints it)? `make run` and config.json may have other ports: name them with "
            f"MQTT_PORT, MODBUS_PORT and HTTP_PORT, 0 for one that is off. If it is the box, its firmware does not run: {OVER_USB}"
        )
        return [fix(f"the box at {host}", f"a machine is there, but none of the ports {ports} is open", todo)]
    todo = f"has it power, is this computer in the same network, has it got another address (its console and your router tell)? {OVER_USB}"
    return [fix(f"the box at {host}", f"nobody answers, ports {ports}", todo)]
