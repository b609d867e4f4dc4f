"""What the console says about the connection of a box that is the client of a broker elsewhere."""

import mqtt_states

# What the console says about the MQTT connection, by client.last_error.
MQTT_TROUBLE = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refuses this client id",
    3: "the broker is not available",
    4: "user or password is wrong",
    5: "this user may not connect",
    mqtt_states.ERR_NAME: "the name of the broker is not known",
    mqtt_states.ERR_DIAL: "nobody listens at this address and port",
    mqtt_states.ERR_DIAL_TIMEOUT: "nobody answers at this address",
    mqtt_states.ERR_SUBSCRIBE: "the broker does not let this user subscribe",
}


def say_connection(client, said):
    """Tells the console what became of the connection to the broker; returns what it said, for the next call. Episode."""
    now = "connected"
    if not client.online:
        now = MQTT_TROUBLE.get(client.last_error, "the connection was lost (%d)" % client.last_error)
        if not client.last_error:
            return said
        now = getattr(client.link, "trouble", None) or now
    if now != said:
        print("ladepunkt: MQTT broker %s:%d: %s" % (client.server, client.port, now))
    return now
