"""Homes of third-party libraries, sizes of files and functions, and the imports before patching.

import-linter checks which package may import which, and that the core is pure (pyproject.toml).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LONGEST_MODULE, LONGEST_FUNCTION = 400, 40  # lines; these are already too many

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
    "urllib3": ("ksmppd_py.callbacks", "ksmppd_py.tools.ctl"),
    "click": ("ksmppd_py.tools.ctl",),
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
    if module == "ksmppd_py" and imported != "__future__.annotations":
        return "the package itself imports nothing"
    return None


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
    names = {name_of(path) for path in modules()}
    assert names >= {"ksmppd_py", "ksmppd_py.launch.cli", "ksmppd_py.smpp.link", "kannel_conf"}


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("ksmppd_py.server.app", "import sqlalchemy", "sqlalchemy lives in ksmppd_py.storage"),
        ("ksmppd_py.storage.users", "from bottle import Bottle", "bottle lives in ksmppd_py.admin"),
        ("ksmppd_py.model.ports", "import re2", "re2 lives in ksmppd_py.model.routes"),
        ("ksmppd_py.server.app", "import kannel_conf", "kannel_conf lives in ksmppd_py.config"),
        ("ksmppd_py", "from ksmppd_py import errors", "the package itself imports nothing"),
        ("ksmppd_py", "from .errors import StartError", "the package itself imports nothing"),
        ("ksmppd_py.server.app", "def f():\n" + "    x = 1\n" * 39, "f has 40 lines"),
        ("ksmppd_py.server.app", "\n" * 400, "the module has 400 lines"),
    ],
)
def test_the_checker_sees(module: str, source: str, reason: str) -> None:
    [complaint] = complaints(module, source, is_package="." not in module)
    assert reason in complaint


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ksmppd_py.storage.users", "def f():\n    import sqlalchemy"),
        ("ksmppd_py", "from __future__ import annotations"),
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
