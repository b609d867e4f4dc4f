"""Set-up over Wi-Fi, for a box that has no config.json yet, or whose button is held while it starts: an access point with a
password of its own, and one page for Wi-Fi and installation limit. Nothing charges meanwhile: 0 A and CP open, again and again.

Loaded only then; it waits in its own loop, so everything here is an episode.
"""

import gc
import json
import os
import socket
import time

import failsafe
import machine
import network
from storage import NEW

PORT = 80
ADDRESS = "192.168.4.1"  # of the chip as an access point
PASSWORD_FILE = "setup_password"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
PASSWORD_LETTERS = 10
WPA2 = 3
ROUND_S = 1  # between two rounds of 0 A
SAY_EVERY = 10
READ_S = 2  # a request has to be here by then
REQUEST_BYTES = 2048

HEAD = "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Ladepunkt</title>
<style>body{font:18px sans-serif;max-width:24em;margin:2em auto;padding:0 1em}input,button{font:inherit;width:100%%;margin:.2em 0 1em}</style>
<h1>Ladepunkt</h1><p><b>%s</b><form method="post">Wi-Fi / WLAN<input name="ssid" maxlength="32" required>
Password / Passwort<input name="password" type="password" maxlength="64">
Installation limit / Grenze der Installation (6..32 A)<input name="limit" type="number" min="6" max="32" value="%d" required>
<button>Save / Speichern</button></form><p>The box charges at the limit at most. The fuse and the wires decide it.
<br>Die Box l&auml;dt h&ouml;chstens mit dieser Grenze. Sicherung und Leitung bestimmen sie."""
SAVED = "Saved: the box restarts and joins the Wi-Fi. / Gespeichert: die Box startet neu und geht ins WLAN."


def password():
    """This box's own, made once; on a flash that takes nothing, at every start."""
    try:
        with open(PASSWORD_FILE) as file:
            kept = file.read()
        if len(kept) == PASSWORD_LETTERS:
            return kept
    except (OSError, ValueError):
        pass  # the first time, or the file is damaged
    made = "".join([LETTERS[byte % len(LETTERS)] for byte in os.urandom(PASSWORD_LETTERS)])
    try:
        with open(PASSWORD_FILE, "w") as file:
            file.write(made)
    except OSError as error:
        print("ladepunkt: the password will be another one after the next start: %s: %r" % (PASSWORD_FILE, error))
    return made


def decoded(text):
    """One value of a form: + is a space, %xx a byte of UTF-8. Raises ValueError."""
    raw = bytearray()
    parts = text.replace("+", " ").split("%")
    raw.extend(parts[0].encode())
    for part in parts[1:]:
        raw.append(int(part[:2], 16))
        raw.extend(part[2:].encode())
    return bytes(raw).decode()


def fields(body):
    """{name: value} of a form. Raises ValueError."""
    found = {}
    for pair in body.split("&"):
        name, _, value = pair.partition("=")
        found[name] = decoded(value)
    return found


def current():
    """The config.json there is; without one, or where it is no object, the least there can be: one charge point, its meter searched for."""
    found = None
    try:
        with open("config.json") as file:
            found = json.load(file)
    except (OSError, ValueError):
        pass  # as if there were none
    if isinstance(found, dict):
        return found
    evse = failsafe.board.get("evse_ids", [1])[0]
    return {"charge_points": [{"evse": evse, "meter": {"type": "auto"}}]}


def limit_a():
    """What the page shows: that of config.json, which may hold anything."""
    found = current().get("installation_limit_a")
    return found if isinstance(found, int) else 16


def save(form):
    """Checks and writes config.json. Raises ValueError with a sentence."""
    import config

    if not form.get("limit", "").isdigit():
        raise ValueError("limit: expected a whole number from 6 to 32, found %r" % form.get("limit", ""))
    wanted = current()
    wanted["wifi"] = {"ssid": form.get("ssid", ""), "password": form.get("password", "")}
    wanted["installation_limit_a"] = int(form["limit"])
    if not wanted["wifi"]["ssid"]:
        raise ValueError("ssid: expected the name of a Wi-Fi, found none")
    try:
        config.check_fit(config.check_config(wanted), config.check_board(failsafe.board))
    except config.ConfigError as error:
        raise ValueError(str(error))
    with open("config.json" + NEW, "w") as file:
        json.dump(wanted, file)
    os.rename("config.json" + NEW, "config.json")


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def answer(request):
    """(response, saved) to the bytes of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    status, text, saved = "200 OK", "", False
    if head.startswith(b"POST / "):
        try:
            save(fields(body.decode()))
            text, saved = SAVED, True
        except (ValueError, OSError, UnicodeError) as error:
            status, text = "400 Bad Request", str(error)
    elif not head.startswith(b"GET "):
        status, text = "405 Method Not Allowed", "GET or POST"
    page = (PAGE % (escaped(text), limit_a())).encode()
    return (HEAD % (status, len(page))).encode() + page, saved


def whole(request):
    """True when the body is as long as the head says."""
    head, end, body = request.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            text = line[15:].strip()
            return not text.isdigit() or len(body) >= int(text)
    return True


def serve(client):
    """One connection; True when something was saved."""
    request = b""
    began_ms = time.ticks_ms()
    client.settimeout(READ_S)
    try:
        while not whole(request):
            more = client.recv(512)
            request += more
            if not more or len(request) > REQUEST_BYTES or time.ticks_diff(time.ticks_ms(), began_ms) > READ_S * 1000:
                return False  # it broke off, is no form of ours, or would keep the watchdog waiting
        response, saved = answer(request)
        client.write(response)
        return saved
    except OSError:
        return False  # gone, or too slow
    finally:
        client.close()


def run(box_id, why):
    """Never returns: ends with a reset once something was saved, or with KeyboardInterrupt. `why` is for the console."""
    name = "ladepunkt-%04x" % (box_id & 0xFFFF)
    key = password()
    access_point = network.WLAN(network.AP_IF)
    access_point.active(True)
    access_point.config(ssid=name, key=key, security=WPA2)
    listener = listen(why)
    text = "ladepunkt: stays at 0 A: %s: join the Wi-Fi %s with the password %s and open http://%s, or copy config.json to the device"
    rounds = 0
    while True:
        failsafe.stop()
        if rounds % SAY_EVERY == 0:
            print(text % (why, name, key, ADDRESS))
        rounds += 1
        if wait(listener):
            time.sleep(1)  # for the page to arrive
            machine.reset()


def listen(why):
    """Raises SystemExit."""
    try:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(socket.getaddrinfo("0.0.0.0", PORT)[0][-1])
        listener.listen(1)
        listener.settimeout(ROUND_S)
        return listener
    except OSError as error:
        raise SystemExit("%s: no set-up page (port %d: %r): copy config.json to the device, then reset it" % (why, PORT, error))


def wait(listener):
    """Serves one visitor, for whom it waits ROUND_S; True when something was saved."""
    failsafe.wdt.feed()
    gc.collect()
    try:
        client, _ = listener.accept()
    except OSError:
        return False  # nobody came
    return serve(client)
