"""python -m tools.flash --board NAME: MicroPython, firmware, board and configuration onto a box. Exit status 1 when it did not work."""

import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.text import Text
from serial.tools import list_ports

from tools import board_data, configure, maintenance
from tools.flash import FlashError, files, health, image, lines, stock
from tools.flash.device import Device
from tools.flash.options import parser


def find_port(wanted):
    """Raises FlashError unless it is clear which."""
    if wanted:
        return wanted
    ports = sorted(port.device for port in list_ports.comports() if port.vid is not None)
    if len(ports) == 1:
        return ports[0]
    if not ports:
        raise FlashError("no board at USB: plug it in with a data cable (some only charge), or name its port with PORT=/dev/...")
    raise FlashError(f"several boards at USB: {', '.join(ports)}: name one with PORT={ports[0]}")


def check_pins(board):
    """Raises FlashError where a pin can not do what board.json asks of it; the chip is that of the project's board of that name."""
    if board.get("board") not in board_data.names():
        return
    chip = board_data.CHIPS[board_data.read(board["board"])[1]["chip"]]
    for use, expected, todo in board_data.objections(board, chip):
        raise FlashError(f"{board_data.BOARD_FILE}: {use.path}: expected {expected}, found GPIO{use.pin}: {todo}")


class Flash:
    """`say(text)` tells about progress; `ask` is that of configure.Questions; `screen` a rich Console for the bars."""

    def __init__(self, options, say, screen, ask=None):
        self._options = options
        self._say = say
        self._screen = screen
        self._ask = ask
        self._device = None
        self._board = self._about = None

    def run(self):
        """Returns the pairs of lines.lines()."""
        options = self._options
        if options.only_config:
            floor = application = None
        else:
            if not options.board:
                raise FlashError("which board? Name it with BOARD=NAME; there are: " + ", ".join(board_data.names()))
            self._board, self._about = board_data.read(options.board)
            with tempfile.TemporaryDirectory() as folder:
                floor, application = files.compiled(Path(folder))
        given = configure.read_file(options.config) if options.config else None
        port = find_port(options.port)
        self._say(f"board at {port}")
        self._device = Device(port, options.baud, self._say)
        try:
            return self._work(floor, application, given)
        finally:
            self._device.close()

    def _work(self, floor, application, given):
        has_floor = self._reach()
        device = self._device
        facts = device.facts()
        if self._options.only_config:
            self._need_floor(has_floor)
        board_bytes = self._choose_board()
        check_pins(self._board)
        config = self._choose_config(given)
        device.feed()
        if application is not None:
            self._check_floor(has_floor, facts, floor)
            self._put_application(application)
        self._put(board_data.BOARD_FILE, board_bytes)
        if _parsed(device.read(configure.FILE)) != config:
            self._put(configure.FILE, (json.dumps(config, indent=1) + "\n").encode())
        password = self._set_up_password()
        if application is not None:
            self._put_floor(floor, has_floor)
            self._activate()
        self._say("starting it; the first report comes 10 s after the start")
        device.reset()
        checked = configure.check(config, self._board)
        in_network = checked["network"] == "ethernet" or checked["wifi"]["ssid"]
        version, address = health.wait(device, self._say, address_s=health.ADDRESS_S if in_network else 0)
        missing = "none yet: are Wi-Fi name and password right, is the cable in?" if in_network else "none: no network is configured"
        self._say(f"healthy: version {version}, address {address or missing}")
        found = list(lines.lines(checked, self._board, address))
        if password:
            found.append(("Set-up over Wi-Fi, when the button is held while the box starts", ["password of its access point: " + password]))
        return found

    # -- MicroPython ---------------------------------------------------------------------------------------------------

    def _reach(self):
        """To the raw REPL of a MicroPython that will do. True when there is a floor."""
        options, device = self._options, self._device
        try:
            has_floor = device.enter(options.force)
        except maintenance.NoPromptError as error:
            if options.no_image or options.only_config:
                raise FlashError(str(error)) from error
            return self._write_image(f"nobody answers as MicroPython does ({error})", erase=True)
        facts = device.facts()
        if options.only_config:
            return has_floor
        if wrong := image.wrong_chip(facts, self._about):
            raise FlashError(wrong)
        why = "--write-image asks for it" if options.write_image else image.old(facts)
        if why and options.no_image:
            raise FlashError(f"MicroPython on the board will not do, as {why}: run it without --no-image")
        return self._write_image(why, options.erase) if why else has_floor

    def _write_image(self, why, erase):
        options, device = self._options, self._device
        if options.image:
            path = image.fetch(options.image, options.image_sha256, self._about)
        else:
            self._say(f"MicroPython is to be written to the board, as {why}")
            path = self._stock_image(why)
        device.close()
        self._say("checking chip and flash (esptool)")
        image.check_chip(device.port, self._about)
        self._say(f"writing {path.name}" + (", flash erased before" if erase else "") + "; this takes a minute")
        image.write(device.port, self._about, path, erase)
        device.reopen()
        try:
            return device.enter(options.force)
        except maintenance.NoPromptError as error:
            raise FlashError(f"the image is written, but MicroPython does not answer ({error})") from error

    def _stock_image(self, why):
        """The path of what micropython.org has for this board."""

        def agree(question):
            if self._options.download:
                return True
            if self._ask is None and not sys.stdin.isatty():
                raise stock.refusal(self._about, f"{why}, and nobody is here to be asked")
            return (self._ask or configure.ask_person)(question, "yes", ("yes", "no"), False) == "yes"

        bar = Progress(console=self._screen, transient=True, disable=not self._has_screen())
        task = bar.add_task("downloading", total=None)

        def progress(done, total):
            bar.start()  # not before the question has been answered
            bar.update(task, completed=done, total=total or None)

        try:
            return stock.get(self._about, self._options.image_sha256, agree, self._say, progress)
        finally:
            bar.stop()

    # -- what goes onto it ---------------------------------------------------------------------------------------------

    def _need_floor(self, has_floor):
        if not has_floor:
            raise FlashError("the board runs MicroPython but no Ladepunkt: run make flash BOARD=... first")

    def _choose_board(self):
        """The bytes of board.json: what somebody has changed on the box stays."""
        found = self._device.read(board_data.BOARD_FILE)
        there = _parsed(found)
        if self._options.only_config:
            if there is None:
                raise FlashError("board.json on the box is missing or damaged: run make flash BOARD=... --replace-board")
            self._board = there
            return found
        own = (board_data.FOLDER / self._options.board / board_data.BOARD_FILE).read_bytes()
        if there is None or self._options.replace_board or there == self._board:
            return own
        if there.get("board") != self._options.board:
            todo = "is BOARD right, and the port? --replace-board makes it another one"
            raise FlashError(f"the box says that it is a {there.get('board')}, expected {self._options.board}: {todo}")
        self._say("board.json on the box differs from the project's and stays; --replace-board replaces it")
        self._board = there
        return found

    def _choose_config(self, given):
        if given is not None:
            configure.check(given, self._board, self._options.config)
            return given
        there = _parsed(self._device.read(configure.FILE))
        if there is not None and not self._options.ask and not self._options.only_config:
            try:
                configure.check(there, self._board)
                self._say("config.json of the box stays")
                return there
            except FlashError as error:
                self._say(f"the config.json of the box will not do: {error}")
        return configure.Questions(self._board, there, self._ask, self._device.feed).run(self._say)

    def _check_floor(self, has_floor, facts, floor):
        if has_floor and not facts["versions"] and not self._options.replace_floor:
            raise FlashError("the floor on the box is an old one that knows no versions: run it again with --replace-floor")

    def _put_application(self, application):
        device = self._device
        active = (device.read(files.ACTIVE) or b"").decode().split()
        self._plan = plan = files.plan(application, active, {folder: device.hashes(folder) for folder in files.FOLDERS})
        if not (plan.send or plan.clone or plan.remove):
            self._say(f"the firmware is up to date ({plan.target})")
            return
        device.make_folders(files.folders(plan.target, application))
        for name in plan.clone:
            device.clone(f"{plan.older}/{name}", f"{plan.target}/{name}")
        self._send({f"{plan.target}/{name}": application[name] for name in plan.send})
        for name in plan.remove:
            device.remove(f"{plan.target}/{name}")
        if wrong := files.changed(application, device.hashes(plan.target)):
            raise FlashError(f"{', '.join(wrong)} did not arrive as sent: check the cable and run it again; the box keeps its version")
        self._say(f"{plan.target}: {len(plan.send)} files sent, {len(plan.clone)} copied on the board, {len(plan.remove)} removed; all checked")

    def _put_floor(self, floor, has_floor):
        found = self._device.hashes("")
        wanted = files.changed(floor, found)
        if not wanted:
            return
        if has_floor and not self._options.replace_floor and set(wanted) <= set(found):
            self._say("the floor stays as it is; this version has another one, --replace-floor replaces it")
            return
        self._send({name: floor[name] for name in wanted})

    def _set_up_password(self):
        """That of the box's own access point, made now if there is none; None for a board without a button."""
        if not self._board.get("button"):
            return None
        there = (self._device.read(configure.PASSWORD_FILE) or b"").decode("ascii", "replace")
        password = there or configure.new_password()
        if not there:
            self._put(configure.PASSWORD_FILE, password.encode())
        return password

    def _activate(self):
        active = (self._device.read(files.ACTIVE) or b"").decode()
        if active.split() != self._plan.active.split():
            self._device.write(files.ACTIVE, self._plan.active.encode())

    def _put(self, name, data):
        if self._device.read(name) != data:
            self._send({name: data})

    def _has_screen(self):
        return self._screen is not None and self._screen.is_terminal

    def _send(self, wanted):
        """Files over the cable, with a bar."""
        with Progress(console=self._screen, transient=True, disable=not self._has_screen()) as bar:
            task = bar.add_task("copying", total=sum(map(len, wanted.values())))
            before = 0
            for name, data in wanted.items():
                bar.update(task, description=name)
                self._device.write(name, data, lambda done, before=before: bar.update(task, completed=before + done))
                before += len(data)


def _parsed(data):
    """The object of a JSON file, None for what is none."""
    try:
        value = json.loads(data)
    except (TypeError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def main(arguments=None, ask=None):
    """Returns the exit status."""
    options = parser().parse_args(arguments)
    screen = Console(highlight=False)
    name = "configure" if options.only_config else "flash"
    try:
        found = Flash(options, lambda text: screen.print(Text(f"{name}: {text}"), soft_wrap=True), screen, ask).run()
    except (FlashError, maintenance.MaintenanceError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: stopped; a box in maintenance starts again by itself within ten minutes", file=sys.stderr)
        return 130
    for who, text in found:
        screen.print(Text("\n" + who, style="bold"), soft_wrap=True)
        for line in text:
            screen.print(Text("  " + line), soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
