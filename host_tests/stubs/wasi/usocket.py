"""Stand-in for `usocket` on the WASI port, which has no network: umqtt can be imported there, but not dial by itself."""


def socket(*unused):
    raise OSError("the WASI port has no sockets: hand the client a link of your own")
