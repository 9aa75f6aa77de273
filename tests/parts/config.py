"""Writing Kannel-style configuration files for the parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Value = str | int | bool | Path
Group = tuple[str, Mapping[str, Value]]


def render(groups: Iterable[Group]) -> str:
    """Return the text of a configuration file, one blank line between groups."""
    return "\n".join(_render_group(name, keys) for name, keys in groups)


def _render_group(name: str, keys: Mapping[str, Value]) -> str:
    lines = [f"group = {name}"] + [f"{key} = {_render_value(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _render_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if isinstance(value, str) and (not text or text != text.strip() or '"' in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
