"""What /status.json tells: the line, the memory, the loop, the Wi-Fi, the clock. A key that this firmware lacks is not judged."""

import http.client
import itertools
import json
import urllib.error
import urllib.request

from tools.doctor.evse import judge_firmware, judge_memory
from tools.doctor.finding import fix, hint, ok

TIMEOUT_S = 5
OTHER = "another device or program answers there: is it the address of the box, and HTTP_PORT its page.port (80)?"
MORE = "with page.enabled in config.json the doctor sees more (line, memory, Wi-Fi); is HTTP_PORT its page.port (80)?"
DEAF = "it does not take what it is told: does its register 2003 hold 0, so that an analog input decides? `make doctor PORT=... ARGS=--repair` sets it"
COARSE_A = 1.0  # an EVSE without precise mode counts whole ampere
STEP_MS = 390  # a primary's budget for one of its connections
HEAP_FREE_BYTES = 16 * 1024
IDF_FREE_BYTES = 24 * 1024
BAD_PERCENT, ODD_PERCENT = 5, 1
LEAST_ERRORS = 3  # a busy machine may lose one
BETWEEN_S = 3.0  # from the first look at the page to the second, at least
COUNTERS = ("requests", "timeouts", "crc_errors", "wrong_replies", "echoes")
WEAK_DBM, POOR_DBM = -70, -80


def fetch(host, port):
    """(status, None), or (None, a Finding that says why not)."""
    what = f"status page at {host}:{port}"
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/status.json", timeout=TIMEOUT_S) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        return None, fix(what, f"a web server without /status.json ({error.code})", OTHER)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        return None, hint(what, f"not there: {reason}", MORE)
    except ValueError as error:
        return None, fix(what, f"no JSON: {error}", OTHER)
    if not isinstance(found, dict) or not isinstance(found.get("charge_points"), list):
        return None, fix(what, "JSON, but not that of a box", OTHER)
    return found, None


def since(before, after):
    """`after` with the counters of the stations since `before`: a bad hour last week is not today's trouble."""
    earlier = {station["unit"]: station for station in before.get("bus", {}).get("stations", [])}
    for station in after.get("bus", {}).get("stations", []):
        old = earlier.get(station["unit"], station)
        if station["requests"] < old["requests"]:
            continue  # it was restarted in between
        for key in COUNTERS:
            station[key] -= old[key]
    return after


def judge_obedience(before, after):
    """Has every EVSE taken what it was told, at one of both times at least? A set point that has just changed needs a second."""
    findings = []
    for index, points in enumerate(zip(before["charge_points"], after["charge_points"], strict=False)):
        pairs = [(point.get("allowed_current"), point.get("evse_current")) for point in points]
        if None in itertools.chain(*pairs) or not pairs[-1][0]:
            continue
        what = f"charge point {index}, set current of the EVSE"
        if all(told - taken > COARSE_A for told, taken in pairs):
            findings.append(fix(what, f"{pairs[-1][0]:g} A were written, {pairs[-1][1]:g} A are read back", DEAF))
        else:
            findings.append(ok(what, f"{pairs[-1][1]:g} A, as told"))
    return findings


def judge(status):
    findings = [ok("firmware", f"{status.get('version')}, up for {status.get('uptime_s')} s")]
    findings += _line(status.get("bus", {})) + _loop(status) + judge_heap(status.get("heap", {}))
    findings += judge_wifi((status.get("wifi") or {}).get("rssi_dbm")) + _clock(status) + _mqtt(status.get("mqtt", {}))
    for index, point in enumerate(status.get("charge_points", [])):
        findings += _point(index, point)
    return findings


def _line(bus):
    findings = []
    for station in bus.get("stations", []):
        findings += _station(station)
    noise = bus.get("noise_bytes", 0)
    if noise > 100:
        findings.append(hint("line noise", f"{noise} bytes that belong to nothing", "120 ohm at both ends of the line, GND connected, wires twisted"))
    elif "noise_bytes" in bus:
        findings.append(ok("line noise", f"{noise} bytes since the start"))
    return findings


def _station(station):
    what = f"{station.get('kind')} at unit id {station.get('unit')}"
    requests = max(1, station.get("requests", 0))
    if station.get("silent"):
        return [fix(what, "silent", "check A, B and GND, its supply and its unit id; `make doctor PORT=...` scans the line")]
    findings = []
    for key, name, todo in (
        ("timeouts", "not answered", "raise bus.gap_ms to 50 or 100, check the wiring"),
        ("crc_errors", "answered with errors", "termination and GND of the line, or two devices with one unit id"),
        ("wrong_replies", "answered wrongly", "two devices with one unit id, or another master on the line"),
    ):
        percent = 100 * station.get(key, 0) / requests
        if percent >= ODD_PERCENT and station[key] >= LEAST_ERRORS:
            findings.append((fix if percent >= BAD_PERCENT else hint)(what, f"{percent:.1f} % of {requests} requests {name}", todo))
    if station.get("echoes"):
        findings.append(hint(what, "the transceiver returns what it sends", "it works, but tie its /RE to DE"))
    return findings or [ok(what, f"{requests} requests, slowest answer {station.get('latency_max_ms')} ms")]


def _loop(status):
    longest_ms = status.get("longest_step_ms")
    if longest_ms is None:
        return []
    if longest_ms > STEP_MS:
        return [hint("longest step", f"{longest_ms} ms", f"above {STEP_MS} ms a primary may miss values: report what happened then")]
    return [ok("longest step", f"{longest_ms} ms")]


def judge_heap(heap):
    findings = []
    for key, name, least in (("free", "heap", HEAP_FREE_BYTES), ("idf_free", "IDF heap", IDF_FREE_BYTES)):
        free = heap.get(key)
        if free is None:
            continue
        text = f"{free} bytes free"
        if free < least:
            findings.append(fix(name, text, f"expected at least {least}: switch off the page or the second door"))
        else:
            findings.append(ok(name, text))
    return findings


def judge_wifi(dbm):
    if dbm is None:
        return []
    if dbm < POOR_DBM:
        return [fix("Wi-Fi", f"{dbm} dBm", "connections will break: move the access point or use Ethernet")]
    if dbm < WEAK_DBM:
        return [hint("Wi-Fi", f"{dbm} dBm", "weak: a metal door or a car may be enough to lose it")]
    return [ok("Wi-Fi", f"{dbm} dBm, {dbm - POOR_DBM} dB more than it needs")]


def _clock(status):
    if "clock" not in status:
        return []
    if status["clock"] is None:
        return [hint("clock", "not set", "timestamps are missing, everything else works; time.server may name your router")]
    return [ok("clock", str(status["clock"]))]


def _mqtt(mqtt):
    findings = []
    if mqtt.get("mode") == "client" and not mqtt.get("online"):
        findings.append(fix("MQTT client", "not connected", "is the broker there, are mqtt.host, user and password right?"))
    if mqtt.get("refused"):
        findings.append(hint("controllers", f"{mqtt['refused']} sets refused", "somebody outside mqtt.controllers tries to lead"))
    if mqtt.get("rejected"):
        findings.append(hint("set messages", f"{mqtt['rejected']} rejected", "values out of range or of the wrong type: see docs/mqtt.md"))
    return findings


def _point(index, point):
    name = f"charge point {index}"
    findings = []
    age_s = point.get("heartbeat_age_s")
    if age_s is not None:  # else its state_str says so
        findings.append(ok(f"{name}, heartbeat", f"{age_s} s ago; led by {point.get('leader')}"))
    return findings + _relay(name, point) + _evse(name, point.get("evse") or {})


def _relay(name, point):
    """Where the pilot is while nobody wants it open: a fault that opens it is told by its own words."""
    findings = []
    if point.get("second_stop") is False:
        findings.append(hint(f"{name}, second stop", "no CP relay", "no second stop path: if the EVSE hangs only its fuse stops the car"))
    elif "second_stop" in point:
        findings.append(ok(f"{name}, second stop", "CP relay fitted"))
    if point.get("second_stop") and "pilot_open" in point:
        what = f"{name}, relays idle"
        if point["pilot_open"]:
            findings.append(hint(what, "the CP relay is open: no car can charge", f"because of: {point.get('reason')}"))
        else:
            findings.append(ok(what, "CP closed"))
    return findings


def _evse(name, evse):
    """`power_up`: registers 2000 to 2004, `limit_a`: 2007."""
    words = dict(enumerate(evse.get("power_up") or [], 2000))
    words.pop(2001, None)
    if evse.get("limit_a") is not None:
        words[2007] = evse["limit_a"]
    findings, _ = judge_memory(f"{name}, EVSE", words, " (`make doctor PORT=... ARGS=--repair` does)")
    if evse.get("firmware"):
        findings.insert(0, judge_firmware(f"{name}, EVSE", evse["firmware"]))
    return findings
