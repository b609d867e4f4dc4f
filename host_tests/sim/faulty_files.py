"""Firmwares that write or read their settings wrongly, for `mutants`. Each patches one thing."""

import app
import setup_mode


def set_up_written_in_place(patch):
    """The set-up page overwrites config.json where it stands."""
    patch.setattr(setup_mode, "NEW", "")


def old_settings_removed_first(patch):
    """The set-up page removes config.json before the new one gets that name."""
    current = setup_mode.current

    def tidy():
        found = current()
        if "config.json" in setup_mode.os.listdir():
            setup_mode.os.remove("config.json")
        return found

    patch.setattr(setup_mode, "current", tidy)


def damaged_settings_are_defaults(patch):
    """A config.json that does not parse counts as the least there can be."""
    read_json = app.read_json

    def helpful(name):
        try:
            return read_json(name)
        except SystemExit:
            return {"charge_points": [{"evse": 1, "meter": {"type": "auto"}}]}

    patch.setattr(app, "read_json", helpful)
