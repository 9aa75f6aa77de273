"""Makes groups of keys and values from lines."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from kannel_conf.errors import Findings, Place
from kannel_conf.hints import strange_writing
from kannel_conf.lines import Line, LineReader
from kannel_conf.values import expand, unquote

NO_NAME = (
    "Group does not contain variable 'group'. "
    "A group begins with a line `group = …` and ends at the next empty line."
)

# Kannel 1.4.5, gwlib/cfg.def
KANNEL_SINGLE = frozenset(
    [
        "core",
        "wapbox",
        "wtls",
        "ppg",
        "test-ppg",
        "configuration",
        "smsbox",
        "dlr-db",
        "store-db",
        "radius-acct",
    ]
)
KANNEL_MULTI = frozenset(
    [
        "wap-url-map",
        "wap-user-map",
        "wap-push-user",
        "smsbox-route",
        "smsc",
        "sms-service",
        "sendsms-user",
        "ota-setting",
        "ota-bookmark",
        "modems",
        "mssql-connection",
        "mysql-connection",
        "oracle-connection",
        "sdb-connection",
        "pgsql-connection",
        "sqlite-connection",
        "sqlite3-connection",
        "redis-connection",
        "cassandra-connection",
        "smpp-tlv",
    ]
)
KANNEL_GROUPS = KANNEL_SINGLE | KANNEL_MULTI


@dataclass(frozen=True, slots=True)
class Value:
    """The text of a key and the line where it was set last; `strange` is a hint when the text may not be the one meant.

    The text is unquoted, with the environment's variables put in.
    """

    text: str
    place: Place
    strange: str = ""


@dataclass(slots=True)
class Group:
    """Neighbouring keys; `place` is the line of the first, `name` the value of the key `group`.

    `broken` has the first word of each line without an equals sign: the key, most likely.
    """

    place: Place
    values: dict[str, Value] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the group's name; read_groups keeps no group without one."""
        return self.values["group"].text

    def place_of(self, key: str) -> Place:
        """Return where the key stands; of an absent key, where the group stands."""
        value = self.values.get(key)
        return value.place if value else self.place

    def texts(self) -> dict[str, str]:
        """Return the plain values, in the order of their keys' first appearance."""
        return {key: value.text for key, value in self.values.items()}


class _Collector:
    def __init__(self, findings: Findings, environment: Mapping[str, str]) -> None:
        self._findings = findings
        self._environment = environment
        self._open: Group | None = None
        self.groups: list[Group] = []

    def take(self, line: Line) -> None:
        if line.is_comment:
            return
        if not line.text:
            self._close()
            return
        parts = line.split()
        if parts is None:
            self._findings.error(line.place, "An equals sign ('=') is missing.")
            self._group_at(line.place).broken.append(line.text.split()[0])
            return
        key, warn = parts[0], self._findings.warning
        text = expand(
            unquote(parts[1]), self._environment, lambda text: warn(line.place, f"'{key}': {text}.")
        )
        self._set(key, Value(text, line.place, strange_writing(parts[1])))

    def _group_at(self, place: Place) -> Group:
        if self._open is None:
            self._open = Group(place)
        return self._open

    def _set(self, key: str, value: Value) -> None:
        group = self._group_at(value.place)
        before = group.values.get(key)
        if before is not None:
            question = " Is a blank line missing between two groups?" if key == "group" else ""
            text = f"'{key}' replaces the value set at {before.place}.{question}"
            self._findings.warning(value.place, text)
        group.values[key] = value

    def _close(self) -> None:
        group, self._open = self._open, None
        if group is None:
            return
        if "group" in group.values:
            self.groups.append(group)
        elif not group.broken:  # else the missing line may well be the one that is already reported
            self._findings.error(group.place, NO_NAME)


def read_groups(path: str, findings: Findings, environment: Mapping[str, str] = os.environ) -> list[Group]:
    """Read a file with all its includes; return its groups in file order, problems go to `findings`.

    `${NAME}` in a value stands for a variable of the `environment`.
    """
    collector = _Collector(findings, environment)
    for line in LineReader(findings, environment).read(path):
        collector.take(line)
    return collector.groups


def keep_last(groups: Iterable[Group], single: Collection[str], findings: Findings) -> list[Group]:
    """Drop every single group that a later one of its name replaces; nothing is merged."""
    kept: list[Group] = []
    seen: dict[str, Group] = {}
    for group in groups:
        before = seen.get(group.name)
        if before is not None:
            kept.remove(before)
            findings.warning(group.place, f"Group '{group.name}' replaces the whole group at {before.place}.")
        if group.name in single:
            seen[group.name] = group
        kept.append(group)
    return kept
