import sys
import textwrap

from tools import boot_only, mpy

APP = """
    import gone
    from machines import Box, prepare
    def run():
        loop()
    def loop():
        box = build()
        prepare(box)
        while True:
            box.step()
            later(box)
    def build():
        return Box()
    def later(box):
        return box
"""
MACHINES = """
    class Box:
        def __init__(self):
            self._begin()
        def _begin(self):
            self.task = self._work
        def _work(self):
            pass
        def step(self):
            self._work()
    class Late:
        def __init__(self):
            pass
    class Never:
        def __init__(self):
            pass
    def prepare(box):
        pass
"""


def texts(**changed):
    return {name: textwrap.dedent(text) for name, text in {"app": APP, "machines": MACHINES, "forget": '_NAMES = b""\n', **changed}.items()}


def found(**changed):
    return {(f.module, f.owner, f.name) for f in boot_only.find(texts(**changed))}


def test_what_stands_in_front_of_the_loop_is_boot_and_so_is_what_only_that_calls():
    assert found() == {("app", "", "build"), ("machines", "", "prepare"), ("machines", "Box", "__init__"), ("machines", "Box", "_begin")}


def test_a_constructor_that_is_called_later_stays():
    late = APP.replace("return box", "return Box()")
    assert found(app=late) == {("app", "", "build"), ("machines", "", "prepare")}


def test_a_class_that_a_later_one_inherits_from_keeps_its_constructor():
    assert ("machines", "Box", "__init__") not in found(more="from machines import Box\nclass Heir(Box):\n    pass\nHeir()\n")


def test_a_function_that_is_handed_around_stays():
    assert ("machines", "", "prepare") not in found(more="from machines import prepare\ntable = [prepare]\n")


def test_a_function_that_a_text_names_or_another_name_stands_for_stays():
    assert ("machines", "", "prepare") not in found(more='getattr(x, "prepare")\n')
    assert ("machines", "", "prepare") not in found(more="from machines import prepare as p\n")


def test_a_private_name_of_another_module_is_another_one():
    assert ("machines", "Box", "_begin") in found(more="class A:\n    def go(self):\n        self._begin()\n")


def test_a_local_variable_of_the_same_name_is_no_call():
    assert ("app", "", "build") in found(more="def f(build):\n    build.x = build\n")


def test_a_script_says_itself_what_of_it_is_boot():
    script = 'import machines\ndef go():\n    """%s"""\n    machines.Box = machines.Box\n'
    for says, boots in (("At boot.", True), ("Now and then.", False)):
        at_boot = boot_only.find(texts(script=script % says), {"script"})
        assert (("machines", "Box", "__init__") in {(f.module, f.owner, f.name) for f in at_boot}) == boots


def test_the_table_has_the_names_of_what_is_compiled_and_who_has_imported_them():
    sources = texts()
    final = {module: text.replace("_begin", "_a").replace("prepare", "b") for module, text in sources.items()}
    told = boot_only.tell(final["forget"], boot_only.table(sources, boot_only.find(sources), final))
    assert told == "_NAMES = " + repr(b"app - b build\nmachines - b\nmachines Box __init__ _a") + "\n"


def test_nothing_of_the_floor_is_given_back():
    sources = {mpy._module(path.relative_to(mpy.FIRMWARE)): path.read_text() for path in mpy.FIRMWARE.rglob("*.py")}
    at_boot = boot_only.find(sources, kept=("failsafe", "boot", "main"))
    assert {f.module for f in at_boot}.isdisjoint({"failsafe", "boot", "main"})
    constructors = {f.owner for f in at_boot if f.name == "__init__"}
    assert {"Gateway", "ChargePoint", "EvseDin", "Slot", "Memory"} <= constructors
    assert {"Station", "Status", "Page", "ModbusDoor", "Latch"}.isdisjoint(constructors)  # made later, too


def test_what_was_given_back_is_none_and_what_is_not_loaded_is_left_out(monkeypatch):
    import forget
    import gc
    import types

    class Box:
        def __init__(self):
            pass

        def step(self):
            return 1

    module = types.SimpleNamespace(Box=Box, build=Box)
    box = Box()
    monkeypatch.setitem(sys.modules, "some_box", module)
    monkeypatch.setattr(forget, "_NAMES", b"some_box - build\nsome_box Box __init__\nnot_there X y")
    monkeypatch.setattr(gc, "threshold", lambda n: None, raising=False)
    forget.forget()
    assert module.build is None and Box.__init__ is None and box.step() == 1
