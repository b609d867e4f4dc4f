"""TLS for the client of a broker elsewhere: a TcpLink whose bytes are encrypted. The handshake goes on step by step, inside
readinto and write, so that it never waits for the network; its arithmetic takes up to a second at a time on an ESP32."""

import binascii
import ssl

from net import TcpLink

NO_CA = "config.json: mqtt.ca_file: %s: expected the certificate of the broker's authority (PEM or DER), found %s"
PEM_BEGIN, PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END"
ADVICE = "TLS: %s; the broker's certificate must be for mqtt.host and from the authority in mqtt.ca_file"


def read_ca(name):
    """The certificate as DER; of a PEM file the first one. At boot; raises SystemExit: without it anybody could be the broker."""
    try:
        with open(name, "rb") as file:
            ca = file.read()
        begin = ca.find(PEM_BEGIN)
        return ca if begin < 0 else binascii.a2b_base64(ca[begin + len(PEM_BEGIN) : ca.find(PEM_END)])
    except OSError:
        raise SystemExit(NO_CA % (name, "no such file: copy it to the device, then reset it"))
    except ValueError:
        raise SystemExit(NO_CA % (name, "a PEM file that is damaged"))


class TlsLink(TcpLink):
    """`trouble` says why the last connection failed, or None."""

    def __init__(self, waiter, resolver, ca, name):
        """ca: bytes of the CA's certificate; name: its file, for messages. At boot; raises SystemExit."""
        super().__init__(waiter, resolver)
        self.trouble = None
        self._host = None
        self._plain = None  # the TCP socket below, once there is TLS above it
        self._secured = None  # the TLS socket
        self._due = 0  # bytes of a write that was not taken: it has to be repeated with the same number
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.verify_mode = ssl.CERT_REQUIRED
        try:
            self._context.load_verify_locations(cadata=ca)
        except (OSError, ValueError):
            raise SystemExit(NO_CA % (name, "%d bytes that are none" % len(ca)))

    def resolve(self, host, port):
        self._host = host
        super().resolve(host, port)

    def dial(self):
        self.trouble = None
        super().dial()

    def status(self):
        """As that of a TcpLink; connected means that the handshake can begin. Episode."""
        if self._plain is not None:
            return 1
        up = super().status()
        return self._wrap() if up > 0 else up

    def _wrap(self):
        """Episode: about 40 kB outside Python's heap."""
        try:
            self._plain = self.wrap(self._secure)
        except (OSError, ValueError, MemoryError) as error:
            return self.blame(error)
        return 1

    def _secure(self, plain):
        """Episode."""
        self._secured = self._context.wrap_socket(plain, do_handshake_on_connect=False, server_hostname=self._host)
        return self._secured

    def write(self, buf, offset, n):
        if self._plain is None:
            return -1
        n = self._due or n
        taken = super().write(buf, offset, n)
        self._due = n if taken == 0 else 0
        return taken

    def fetch(self, buf):
        """Its frame is too big for the stack, as it keeps the error: mbedtls takes memory here anyway."""
        if self._secured is None:
            return super().fetch(buf)
        try:
            return self._secured.readinto(buf)
        except (OSError, ValueError) as error:
            return self.blame(error)

    def push(self):
        """As fetch."""
        try:
            return self._secured.write(self.out, self.out_at, self.out_n)
        except (OSError, ValueError) as error:
            return self.blame(error)

    def blame(self, error):
        """Episode. mbedtls says in words what it does not like about a certificate."""
        self.trouble = ADVICE % str(error.args[0] if error.args else error).strip()
        return -1

    def close(self):
        self._due = 0
        super().close()
        if self._plain is not None:
            self._plain.close()
            self._plain = None
        self._secured = None
