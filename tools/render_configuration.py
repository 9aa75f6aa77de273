"""Write docs/configuration.md from the dataclasses that read the configuration file."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

from kannel_conf import KeySpec, keys_of
from ksmppd_py.config.groups import TYPES

PAGE = Path(__file__).resolve().parents[1] / "docs/configuration.md"
HEAD = """# Configuration

<!-- Made from the code by tools/render_configuration.py; a test holds it equal. -->

One file in Kannel's syntax: groups of `key = value` lines with blank lines between them, `#` comments at the beginning
of a line, values in double quotes if blanks matter, `\\` at the end of a line to continue it, `include = FILE` or
`include = DIRECTORY` anywhere. A key or group that isn't known, a missing mandatory key, a number that isn't one and
a reference to a group that isn't there are refused at the start with file and line; `ksmppd --test` names all of them.
Kannel's own groups (core, smsbox, smsc ...) may be in the file and have no effect.

`${NAME}` in a value is the variable NAME of the environment that the server was started with, as in Kamex: a place for
passwords (systemd's `EnvironmentFile=`). One that isn't set stays as it stands, with a warning.

Integers may be hexadecimal (`0x1400`). Booleans are `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`.
"""


def render() -> str:
    """The page."""
    return "\n".join([HEAD, *(_group(name, group) for name, group in TYPES.items())])


def _group(name: str, group: type[Any]) -> str:
    text = " ".join((inspect.getdoc(group) or "").split())
    text = re.sub(r"^`group = [^`]*`: *", "", text)
    lines = [f"## {name}", "", f"{text[:1].upper()}{text[1:]}", ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [_key(spec) for spec in keys_of(group)]
    return "\n".join([*lines, ""])


def _key(spec: KeySpec) -> str:
    kind = f"{spec.type}, {spec.unit}" if spec.unit else spec.type
    default = "required" if spec.required else f"`{spec.default}`" if spec.default else ""
    return f"| `{spec.key}` | {_cell(kind)} | {default} | {_cell(spec.doc)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the page."""
    PAGE.write_text(render(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
