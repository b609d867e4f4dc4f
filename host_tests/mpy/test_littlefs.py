"""A power cut at any moment of a save leaves the old or the new record, on the real littlefs; see littlefs_cuts.py."""

import json
import shutil
from pathlib import Path

from tools import runtimes

SCRIPT = Path(__file__).with_name("littlefs_cuts.py")
MODULES = ("clock", "memory", "modbus", "record", "storage")
RENAME = "os.rename(path + NEW, path)"


def run(firmware=runtimes.FIRMWARE):
    told = runtimes.run_script(SCRIPT, "unix64", firmware=firmware)
    print(told)
    return json.loads(told.splitlines()[-1])


def test_a_power_cut_leaves_the_old_or_the_new_record():
    told = run()

    assert (told["broken"], told["examples"]) == (0, [])
    assert told["cuts"] == 3 * told["operations"] > 5
    assert told["old"] > 0 and told["new"] >= told["saves"], "both must have been seen"
    assert told["leftovers"] > 0 and told["cuts_in_cleanup"] > 0
    assert told["erases"] > 0, "littlefs never cleaned up: make the series longer"
    assert told["refused"] > 0 and told["accepted"] > 0


def test_the_method_sees_a_save_with_a_gap(tmp_path):
    for name in MODULES:
        shutil.copy(runtimes.FIRMWARE / f"{name}.py", tmp_path)
    source = (tmp_path / "storage.py").read_text()
    assert source.count(RENAME) == 1
    (tmp_path / "storage.py").write_text(source.replace(RENAME, "os.remove(path); " + RENAME))

    assert run(tmp_path)["broken"] > 0
