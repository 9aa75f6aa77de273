"""Write docs/configuration.md and a table of docs/operations.md from the classes that read the configuration."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

from kannel_conf import Change, KeySpec, keys_of
from ksmppd_py.config.groups import TYPES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, OPERATIONS = DOCS / "configuration.md", DOCS / "operations.md"
TABLE_BEGIN = "<!-- Made from the code by tools/render_configuration.py; a test holds it equal. -->"
TABLE_END = "<!-- End of the part that is made from the code. -->"
"""The lines of docs/operations.md between which the table stands."""
HEAD = """# Configuration

<!-- Made from the code by tools/render_configuration.py; a test holds it equal. -->

One file in Kannel's syntax: groups of `key = value` lines with blank lines between them, `#` comments at the beginning
of a line, values in double quotes if blanks matter, `\\` at the end of a line to continue it, `include = FILE` or
`include = DIRECTORY` anywhere. Errors, each with file and line, are an unknown key or group, a missing mandatory key, a
malformed number, and a reference to a group that doesn't exist: the start ends, and `ksmppd --test` names all of them.
Kannel's own groups (core, smsbox, smsc ...) may be in the file and have no effect.

`${NAME}` in a value is the variable NAME of the environment that the server was started with, as in Kamex: a place for
passwords (systemd's `EnvironmentFile=`). One that isn't set stays as it stands, with a warning.

Integers may be hexadecimal (`0x1400`). Booleans are `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`.

The column "change" says when a changed value takes effect: after a `reload` (SIGHUP) or after a `restart`.
See [operations](operations.md#changing-it-while-it-runs).
"""


def render() -> str:
    """Return docs/configuration.md."""
    return "\n".join([HEAD, *(_group(name, group) for name, group in TYPES.items())])


def render_operations(page: str) -> str:
    """Return docs/operations.md with the table of the keys that a reload applies."""
    before, _, rest = page.partition(TABLE_BEGIN)
    _, _, after = rest.partition(TABLE_END)
    rows = [f"| `{name}` | {keys} |" for name, group in TYPES.items() if (keys := _reloaded(group))]
    table = ["| group | keys that change at once |", "|---|---|", *rows]
    return "\n".join([before + TABLE_BEGIN, "", *table, "", TABLE_END + after])


def _reloaded(group: type[Any]) -> str:
    """The keys of a group that a reload applies, "all" when no key of it takes a restart."""
    specs = keys_of(group)
    keys = [f"`{spec.key}`" for spec in specs if spec.change is Change.RELOAD]
    return ", ".join(keys) if any(spec.change is Change.RESTART for spec in specs) else "all"


def _group(name: str, group: type[Any]) -> str:
    text = " ".join((inspect.getdoc(group) or "").split())
    text = re.sub(r"^`group = [^`]*`: *", "", text)
    lines = [f"## {name}", "", f"{text[:1].upper()}{text[1:]}", ""]
    lines += ["| key | value | default | change | meaning |", "|---|---|---|---|---|"]
    lines += [_key(spec) for spec in keys_of(group)]
    return "\n".join([*lines, ""])


def _key(spec: KeySpec) -> str:
    kind = f"{spec.type}, {spec.unit}" if spec.unit else spec.type
    default = "required" if spec.required else f"`{spec.default}`" if spec.default else ""
    change = "" if spec.change is Change.NEVER else spec.change.value
    return f"| `{spec.key}` | {_cell(kind)} | {default} | {change} | {_cell(spec.doc)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write both pages."""
    PAGE.write_text(render(), "utf-8")
    OPERATIONS.write_text(render_operations(OPERATIONS.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
