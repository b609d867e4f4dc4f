"""An MQTT broker of the desk's own: Mosquitto when it is installed, else amqtt. Both run as a child process.

`python -m tools.desk.broker PORT` is the amqtt child; it ends when its standard input closes.
"""

import os
import shutil
import socket
import subprocess
import sys

START_LIMIT_S = 10
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_SEARCH = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin")


def find_mosquitto():
    """The path of Mosquitto's executable, also outside of an ordinary user's PATH, or None."""
    return shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""),) + _SEARCH))


class Broker:
    """A broker on 127.0.0.1:`port`; `name` says which one. `start`, then ask `ready` until True."""

    def __init__(self, port, work_dir, mosquitto=None):
        self.port = port
        self.name = "Mosquitto" if mosquitto else "amqtt"
        self._log_path = os.path.join(work_dir, "broker.log")
        self._command = [mosquitto, "-c", self._write_config(work_dir)] if mosquitto else _amqtt_command(port)
        self._child = None

    def start(self):
        with open(self._log_path, "wb") as log:
            self._child = subprocess.Popen(
                self._command,
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the desk, which ends its children itself
            )

    def ready(self):
        """True once it accepts connections. Raises RuntimeError with its last words when it has ended."""
        if self._child.poll() is not None:
            raise RuntimeError("%s ended with status %d: %s" % (self.name, self._child.returncode, self.last_words()))
        return accepts(("127.0.0.1", self.port))

    def running(self):
        return self._child is not None and self._child.poll() is None

    def last_words(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self):
        if self._child is None:
            return
        self._child.stdin.close()
        self._child.terminate()
        try:
            self._child.wait(2)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _write_config(self, work_dir):
        path = os.path.join(work_dir, "mosquitto.conf")
        with open(path, "w", encoding="utf-8") as config:
            config.write("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n" % self.port)
        return path


def accepts(address, limit_s=0.5):
    """True when somebody accepts TCP connections there."""
    try:
        socket.create_connection(address, timeout=limit_s).close()
    except OSError:
        return False
    return True


def _amqtt_command(port):
    return [sys.executable, "-m", "tools.desk.broker", str(port)]


def _serve_amqtt(port):
    """Run amqtt until standard input closes."""
    import asyncio
    import logging

    from amqtt.broker import Broker as AmqttBroker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:%d" % port}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }

    async def serve():
        broker = AmqttBroker(config)
        await broker.start()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
        await broker.shutdown()

    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve())


if __name__ == "__main__":
    _serve_amqtt(int(sys.argv[1]))
