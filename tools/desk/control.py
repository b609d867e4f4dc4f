"""The control port: one JSON object per line in, one answer per line out, on 127.0.0.1 only."""

import json
import socketserver
import threading

LONGEST_LINE = 4096


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            for line in iter(lambda: self.rfile.readline(LONGEST_LINE), b""):
                self.wfile.write(json.dumps(self.server.answer(line)).encode() + b"\n")
        except ConnectionError:
            return  # the client has gone, and nobody waits for the answer


class ControlPort(socketserver.ThreadingTCPServer):
    """Serves `do(command) -> dict`, which raises ValueError with a sentence for a command it can not do.

    Raises OSError when the port is taken. Port 0 takes any free one; `port` says which.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port, do):
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        self._do = do
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="control", daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def answer(self, line):
        """The answer to one line, as a dict."""
        try:
            command = json.loads(line)
        except ValueError:
            return {"ok": False, "error": 'not a JSON object in one line: send for example {"do":"state"}'}
        if not isinstance(command, dict):
            return {"ok": False, "error": 'not a JSON object: send for example {"do":"state"}'}
        try:
            return dict({"ok": True}, **self._do(command))
        except ValueError as error:
            return {"ok": False, "error": str(error)}
