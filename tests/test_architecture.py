"""The shape of the house: who may import whom, where libraries live, how long files and functions get."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40  # lines; these are already too many

# Imports go downwards only, and never sideways to another room on the same floor. Rooms are the modules and
# packages of ksmppd_py.
FLOORS = (
    ("errors", "ip_addresses", "server_certificate"),
    ("smpp", "kannel"),
    ("translate",),
    ("model", "config"),
    ("transport", "logs", "management"),
    ("flows", "esme", "bearerbox", "storage", "callbacks", "plugins", "admin", "accesslog"),
    ("server",),
    ("launch",),
    ("__main__", "tools"),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Their results depend on arguments only: no clock, no randomness, no sockets.
PURE = ("smpp", "kannel", "translate", "model")
IMPURE = ("gevent", "greenlet", "socket", "select", "threading", "time", "random")
FORMATTING_ALLOWED = {"ksmppd_py.translate.receipts": ("time",)}  # localtime and strftime of a given time

LIBRARY_HOMES = {
    "sqlalchemy": ("ksmppd_py.storage",),
    "pymysql": ("ksmppd_py.storage",),
    "psycopg": ("ksmppd_py.storage",),
    "bcrypt": ("ksmppd_py.storage",),
    "itsdangerous": ("ksmppd_py.admin",),
    "pydantic": ("ksmppd_py.admin.api",),
    "bottle": ("ksmppd_py.admin",),
    "prometheus_client": ("ksmppd_py.admin",),
    "requests": ("ksmppd_py.callbacks",),
    "geventhttpclient": ("ksmppd_py.callbacks",),
    "re2": ("ksmppd_py.model.routes",),
    "cryptography": ("ksmppd_py.transport",),
    "smpplib": ("ksmppd_py.tools",),
    "tqdm": ("ksmppd_py.tools",),
    "kannel_conf": ("ksmppd_py.config", "kannel_conf"),
}
BEFORE_PATCHING = {
    "ksmppd_py",
    "ksmppd_py.__main__",
    "ksmppd_py.launch",
    "ksmppd_py.launch.arguments",
    "ksmppd_py.launch.daemon",
    "ksmppd_py.errors",
    "ksmppd_py.launch.signals",
}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def room_of(module: str) -> str:
    """The room of a module of ksmppd_py; empty for the package itself, which holds the version."""
    return module.split(".")[1] if "." in module else ""


def imports_of(module: str, tree: ast.AST, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of everything imported, however deep; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def import_complaint(module: str, imported: str) -> str | None:
    """Why `module` must not import `imported`; None when it may."""
    for library, homes in LIBRARY_HOMES.items():
        if within(imported, library) and not any(within(module, home) for home in homes):
            return f"{library} lives in {' and '.join(homes)}"
    if within(module, "kannel_conf"):
        return "kannel_conf knows nothing of ksmppd_py" if within(imported, "ksmppd_py") else None
    room = room_of(module)
    if within(imported, "ksmppd_py"):
        return _floor_complaint(room, room_of(imported))
    top = imported.partition(".")[0]
    if room in PURE and top in IMPURE and top not in FORMATTING_ALLOWED.get(module, ()):
        return f"{room} is pure"
    if room == "flows" and top in ("gevent", "greenlet"):
        return "flows are straight-line code over ports"
    return None


def _floor_complaint(room: str, imported: str) -> str | None:
    if room == imported or imported in ("", "__version__"):
        return None
    if not room:
        return "the package itself imports nothing"
    if imported not in FLOOR_OF or room not in FLOOR_OF:
        return f"{imported if room in FLOOR_OF else room} has no floor: add it to FLOORS"
    if FLOOR_OF[imported] < FLOOR_OF[room]:
        return None
    return f"{imported} isn't below {room}"


def complaints(module: str, source: str, is_package: bool = False) -> list[str]:
    """Everything wrong with one module, as `line: reason`."""
    tree = ast.parse(source)
    found = []
    for line, imported in imports_of(module, tree, is_package):
        reason = import_complaint(module, imported)
        if reason:
            found.append(f"{line}: imports {imported}, but {reason}")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length >= LONGEST_FUNCTION:
                found.append(f"{node.lineno}: {node.name} has {length} lines")
    lines = source.count("\n")
    return [*found, f"1: the module has {lines} lines"] if lines >= LONGEST_MODULE else found


def modules() -> list[Path]:
    return sorted(
        path for package in ("ksmppd_py", "kannel_conf") for path in (PROJECT / package).rglob("*.py")
    )


def name_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_module(path: Path) -> None:
    found = complaints(name_of(path), path.read_text("utf-8"), path.name == "__init__.py")
    assert not found, "\n".join(f"{path.relative_to(PROJECT)}:{complaint}" for complaint in found)


def test_there_is_something_to_check() -> None:
    rooms = {room_of(name_of(path)) for path in modules()}
    assert rooms >= {
        "smpp",
        "kannel",
        "translate",
        "model",
        "config",
        "storage",
        "esme",
        "callbacks",
        "plugins",
    }
    assert rooms >= {"server", "launch", "__main__"}


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("ksmppd_py.smpp.link", "import gevent.queue", "smpp is pure"),
        ("ksmppd_py.kannel.codec", "from socket import socket", "kannel is pure"),
        ("ksmppd_py.translate.mo", "import time", "translate is pure"),
        ("ksmppd_py.smpp.link", "from ksmppd_py.kannel import codec", "kannel isn't below smpp"),
        ("ksmppd_py.smpp.link", "from ..model.ports import Router", "model isn't below smpp"),
        ("ksmppd_py.smpp", "from ..model.ports import Router", "model isn't below smpp"),
        ("ksmppd_py.esme.session", "import ksmppd_py.storage.users", "storage isn't below esme"),
        ("ksmppd_py.storage.users", "from ksmppd_py.server import app", "server isn't below storage"),
        ("ksmppd_py.storage.users", "from ksmppd_py.tools import seed", "tools isn't below storage"),
        ("ksmppd_py.flows.delivery", "def f():\n    import gevent", "flows are straight-line code"),
        ("ksmppd_py.server.app", "import sqlalchemy", "sqlalchemy lives in ksmppd_py.storage"),
        ("ksmppd_py.storage.users", "from bottle import Bottle", "bottle lives in ksmppd_py.admin"),
        ("ksmppd_py.model.ports", "import re2", "re2 lives in ksmppd_py.model.routes"),
        ("ksmppd_py.server.app", "import kannel_conf", "kannel_conf lives in ksmppd_py.config"),
        ("kannel_conf.groups", "from ksmppd_py.errors import StartError", "knows nothing of ksmppd_py"),
        ("ksmppd_py", "from ksmppd_py import errors", "the package itself imports nothing"),
        ("ksmppd_py.server.app", "from ksmppd_py.cellar import wine", "cellar has no floor"),
        ("ksmppd_py.server.app", "def f():\n" + "    x = 1\n" * 39, "f has 40 lines"),
        ("ksmppd_py.server.app", "\n" * 400, "the module has 400 lines"),
    ],
)
def test_the_checker_sees(module: str, source: str, reason: str) -> None:
    [complaint] = complaints(module, source, is_package=module.count(".") < 2)
    assert reason in complaint


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ksmppd_py.model.ports", "from ksmppd_py.kannel.messages import Sms"),
        ("ksmppd_py.translate.receipts", "import time"),
        ("ksmppd_py.launch.cli", "from ksmppd_py import __version__, logs"),
        ("ksmppd_py.server.app", "def f():\n" + "    x = 1\n" * 38),
        ("ksmppd_py.server.app", "\n" * 399),
    ],
)
def test_the_checker_allows(module: str, source: str) -> None:
    assert complaints(module, source) == []


WATCH = """
import sys

class Watch:
    early = []

    def find_spec(self, name, path=None, target=None):
        monkey = sys.modules.get("gevent.monkey")
        if not getattr(monkey, "is_module_patched", lambda module: False)("socket"):
            self.early.append(name)

sys.meta_path.insert(0, Watch())
sys.argv = ["ksmppd", "--version"]
import ksmppd_py.__main__

assert "gevent" not in sys.modules, "forks would come after gevent"
try:
    ksmppd_py.__main__.main()
except SystemExit as ending:
    assert not ending.code, ending.code
assert "ksmppd_py.launch.cli" in sys.modules
print(*Watch.early, file=sys.stderr)
"""


def test_patching_comes_before_every_other_import() -> None:
    watched = subprocess.run(
        [sys.executable, "-c", WATCH], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert watched.returncode == 0, watched.stderr
    early = watched.stderr.split()
    assert {name for name in early if within(name, "ksmppd_py")} == BEFORE_PATCHING
    assert not {name for name in early if name.partition(".")[0] in LIBRARY_HOMES}
