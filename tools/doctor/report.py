"""The report file: everything that was found, without what is nobody's business."""

import json
import re

SECRET = re.compile(r"pass|secret|ssid|user|token|key|^host$|(^|/)(rfid|last_tag|vehicle_id|serial_number)$", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(\d{1,3})\.(\d{1,3})\.\d{1,3}\.(\d{1,3})\b")
HIDDEN = "(hidden)"


def redacted(value, name=""):
    """A copy without passwords, names of networks, tags and whole addresses."""
    if isinstance(value, dict):
        return {key: redacted(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, name) for inner in value]
    if SECRET.search(name) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, str):
        return _ADDRESS.sub(r"\1.x.x.\3", value)
    return value


def write(path, findings, details):
    """One JSON file. `details`: whatever was read, by name. Returns why it could not be written, or None."""
    report = {"findings": [vars(finding) for finding in findings], "details": details}
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(redacted(report), file, indent=1)
            file.write("\n")
    except OSError as error:
        return f"{path} can not be written ({error.strerror}): name another one with ARGS=\"--report FILE\""
    return None
