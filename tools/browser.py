"""The status page in a real browser, without a screen: what it shows as text, and as a picture.

    python -m tools.browser [FILE]    the page of a desk whose car charges, into FILE (docs/page.png)
"""
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "page.png"
NAMES = ("chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
LIMIT_S = 90
LEADS_AFTER_S = 8  # two heartbeats
PLUG_AFTER_S = 3  # so long a browser takes until it shows something
SHOWN_S = 200  # of the page's own time, which runs as fast as the box answers


class BrowserError(Exception):
    """The text says what is missing or went wrong, and what to do."""


def find():
    """The browser's path, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def dom(url, wait_ms=8000, language="en"):
    """The page as HTML once its script has run for wait_ms of its own time. Raises BrowserError."""
    return _run(url, wait_ms, language, "--dump-dom").decode()


def picture(url, file, wait_ms=8000, size="1000,1460", language="en"):
    """A PNG of the page. Raises BrowserError."""
    _run(url, wait_ms, language, f"--screenshot={file}", f"--window-size={size}", "--hide-scrollbars")
    if not Path(file).exists():
        raise BrowserError(f"{file} was not written: run the browser by hand and see what it says")


def _run(url, wait_ms, language, *options):
    program = find()
    if program is None:
        raise BrowserError("no Chromium here: apt-get install chromium, or install Google Chrome")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
        command += [f"--lang={language}", f"--accept-lang={language}", f"--virtual-time-budget={wait_ms}", *options, url]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise BrowserError(f"the browser took longer than {LIMIT_S} s: try again on a less busy machine") from error
    if done.returncode:
        raise BrowserError(f"the browser ended with status {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


def main(file):
    command = [sys.executable, "-m", "tools.desk", "--headless", "--seconds", "300"]
    for port in ("--broker-port", "--control-port", "--modbus-port", "--http-port"):
        command += [port, "0"]
    desk = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        told = ""
        for line in desk.stdout:
            told += line
            if line.startswith("control"):
                break
        url = re.search(r"^page .*(http://\S+)", told, re.MULTILINE).group(1)
        port = int(re.search(r"^control +127\.0\.0\.1:(\d+)", told, re.MULTILINE).group(1))
        time.sleep(LEADS_AFTER_S)
        threading.Timer(PLUG_AFTER_S, _tell, (port, "plug")).start()
        picture(url, file, wait_ms=SHOWN_S * 1000)
    finally:
        desk.terminate()
        desk.communicate()


def _tell(port, verb):
    with socket.create_connection(("127.0.0.1", port)) as control:
        control.sendall(json.dumps({"do": verb}).encode() + b"\n")
        control.recv(1000)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
    except BrowserError as problem:
        sys.exit(str(problem))
