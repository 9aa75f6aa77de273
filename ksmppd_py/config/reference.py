"""The configuration reference as text, made of the dataclasses."""

from __future__ import annotations

import inspect
from typing import Any

from kannel_conf import KeySpec, keys_of
from ksmppd_py.config.groups import TYPES


def render_reference() -> str:
    """Return every group with its keys: type, default or `required`, unit, meaning."""
    return "\n".join(_render_group(group_type) for group_type in TYPES.values())


def _render_group(group_type: type[Any]) -> str:
    head = (inspect.getdoc(group_type) or "").replace("`", "")
    return "\n".join([head, *(_render_key(spec) for spec in keys_of(group_type)), ""])


def _render_key(spec: KeySpec) -> str:
    facts = [spec.type]
    if spec.required:
        facts.append("required")
    elif spec.default:
        facts.append(f"default {spec.default}")
    if spec.unit:
        facts.append(spec.unit)
    return f"    {spec.key} ({', '.join(facts)}): {spec.doc}"
