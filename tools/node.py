"""Packages of npm that tests use as clients of the box: fetched once into build/node, in the version that is named, without any scripts of theirs."""

import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "node"


class NodeError(Exception):
    """The text says what is missing or went wrong, and what to do."""


def install(packages):
    """`packages`: {name: (version, integrity)}. Nothing is done when they are there. Raises NodeError."""
    missing = [name for name, (_, integrity) in packages.items() if _installed(name) != integrity]
    if not missing:
        return
    if not shutil.which("npm"):
        raise NodeError("npm is missing: install node 18 or newer (as root: apt-get install -y nodejs npm), then try again")
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{packages[name][0]}" for name in missing]
    options = ["--no-audit", "--no-fund", "--save-exact", "--omit=optional", "--ignore-scripts"]
    done = subprocess.run(["npm", "install", "--prefix", FOLDER, *options, *wanted], capture_output=True, text=True)
    if done.returncode != 0:
        raise NodeError(f"npm install {' '.join(wanted)} failed: {done.stderr.strip()}")
    for name in missing:
        if _installed(name) != packages[name][1]:
            raise NodeError(f"{name} is not what it was: expected {packages[name][1]}; remove build/node and look what npm delivers")


def run(script, *arguments, limit_s=60):
    """What the text `script` prints under node, with `require` for what is installed. Raises NodeError."""
    node = shutil.which("node")
    if not node:
        raise NodeError("node is missing: install node 18 or newer (as root: apt-get install -y nodejs npm), then try again")
    done = subprocess.run([node, "-e", script, *map(str, arguments)], cwd=FOLDER, capture_output=True, text=True, timeout=limit_s)
    if done.returncode != 0:
        raise NodeError(f"the script failed under node:\n{done.stderr[-1500:]}")
    return done.stdout


def _installed(name):
    """The integrity of what is there, or None."""
    try:
        lock = json.loads((FOLDER / "package-lock.json").read_text())
        return lock["packages"][f"node_modules/{name}"]["integrity"]
    except (OSError, ValueError, KeyError):
        return None
