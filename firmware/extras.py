"""What not every box has, stepped every 100 ms: an extra has step(now_ms) and `episode`. Read at boot; what is not configured is not loaded."""


def open_extras(gateway, reader, udp, grid, box_id, now_ms):
    """The extras of this gateway, in the order of their steps. At boot; for the ports see Gateway."""
    config, points, extras = gateway.config, gateway.points, []
    if reader is not None:
        from rfid import Rfid

        settings = config["rfid"]
        decimal = settings["format"] == "decimal" or settings["format"] is None and settings["reader"] == "rdm6300"
        extras.append(Rfid(reader, points, decimal))
    if config["time"]["server"] is not None:
        from timekeeper import Timekeeper

        extras.append(Timekeeper(config["time"], points, udp, box_id, now_ms, gateway.pool))
    if grid is not None:
        from grid import GridLimit

        extras.append(GridLimit(grid, config["grid"], points))
    if config["shared_ca"] is not None:
        from sharing import Sharing

        extras.append(Sharing(points, config["shared_ca"]))
    return extras


def add_teller(gateway):
    """Somebody asks for the events over MQTT for the first time. Episode; no room for it is no reason to stop a charge."""
    try:
        from teller import Teller

        gateway.extras.append(Teller(gateway.events, gateway.door))
    except MemoryError:
        gateway.door.inbox.asked = False
