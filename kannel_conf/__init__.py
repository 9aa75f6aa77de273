"""Reads configuration files in Kannel's format, and binds their groups to dataclasses. Independent of the daemon."""

from __future__ import annotations

from kannel_conf.errors import ConfigError, Findings, Place, printable
from kannel_conf.groups import (
    KANNEL_GROUPS,
    KANNEL_MULTI,
    KANNEL_SINGLE,
    Group,
    Value,
    keep_last,
    read_groups,
)
from kannel_conf.hints import did_you_mean, nearest
from kannel_conf.schema import (
    Change,
    KeySpec,
    bind,
    bind_what_is_right,
    boolean,
    check_keys,
    converted,
    integer,
    keys_of,
    optional_text,
    text,
)

__all__ = [
    "KANNEL_GROUPS",
    "KANNEL_MULTI",
    "KANNEL_SINGLE",
    "Change",
    "ConfigError",
    "Findings",
    "Group",
    "KeySpec",
    "Place",
    "Value",
    "bind",
    "bind_what_is_right",
    "boolean",
    "check_keys",
    "converted",
    "did_you_mean",
    "integer",
    "keep_last",
    "keys_of",
    "nearest",
    "optional_text",
    "printable",
    "read_groups",
    "text",
]
