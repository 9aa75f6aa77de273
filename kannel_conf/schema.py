"""Binds groups to frozen dataclasses whose fields say key, type, default, unit and meaning.

A field is made by `text`, `optional_text`, `integer`, `boolean` or `converted`; the dataclass must be
keyword-only. The field's name is the key with `_` for `-`, unless `key` says otherwise. An empty value counts
as an absent key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar, cast

from kannel_conf.errors import Findings, Place
from kannel_conf.groups import Group, Value
from kannel_conf.hints import did_you_mean, nearest
from kannel_conf.values import parse_boolean, parse_integer

T = TypeVar("T")
Warn = Callable[[str], None]
Convert = Callable[[str, Warn], T]


class Change(Enum):
    """The moment when a changed value takes effect, in a program that reads its file again while it runs."""

    RESTART = "restart"
    RELOAD = "reload"
    NEVER = "no effect"


class Required(Enum):
    """The default of a required key."""

    REQUIRED = 0


REQUIRED = Required.REQUIRED
_METADATA = "kannel_conf.key"
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class KeySpec:
    """The description of one key, for the reference; `convert` raises ValueError for a wrong text.

    `attribute` is the name of the dataclass's field.
    """

    key: str
    type: str
    required: bool
    default: str
    unit: str
    doc: str
    convert: Convert[Any] = field(repr=False)
    empty_is_absent: bool = True
    change: Change = Change.RESTART
    attribute: str = ""


def text(
    doc: str,
    *,
    default: str | None = None,
    key: str = "",
    required: bool = False,
    secret: bool = False,
    may_be_empty: bool = False,
    change: Change = Change.RESTART,
) -> str:
    """Declare a string; without a default and not required it is "" when absent."""
    spec = KeySpec(key, "string", required, default or "", "", doc, _as_it_is, not may_be_empty, change)
    return cast(str, _field(spec, default or "", secret))


def optional_text(doc: str, *, key: str = "", secret: bool = False) -> str | None:
    """Declare a string that is None when absent or empty."""
    spec = KeySpec(key, "string", False, "", "", doc, _as_it_is)
    return cast("str | None", _field(spec, None, secret))


def integer(
    doc: str,
    *,
    default: int | None = None,
    key: str = "",
    unit: str = "",
    low: int | None = None,
    high: int | None = None,
    change: Change = Change.RESTART,
) -> int:
    """Declare a whole number within low..high; required when it has no default."""

    def convert(value: str, warn: Warn) -> int:
        number = to_integer(value, warn)
        if (low is not None and number < low) or (high is not None and number > high):
            raise ValueError(f"{number} is not {_range_words(low, high)}")
        return number

    shown = "" if default is None else str(default)
    spec = KeySpec(key, "integer", default is None, shown, unit, doc, convert, change=change)
    return cast(int, _field(spec, default))


def boolean(doc: str, *, default: bool = False, key: str = "", change: Change = Change.RESTART) -> bool:
    """Declare a truth value; unknown words, also an empty one, are true, with a warning, as in Kannel."""

    def convert(value: str, warn: Warn) -> bool:
        truth, strange = parse_boolean(value)
        if strange:
            warn(f"{value!r} is neither true nor false, 'true' is assumed")
        return truth

    shown = "true" if default else "false"
    spec = KeySpec(key, "boolean", False, shown, "", doc, convert, False, change)
    return cast(bool, _field(spec, default))


def converted(
    convert: Convert[T],
    doc: str,
    *,
    type: str,
    default: T | Required = REQUIRED,
    shown: str = "",
    key: str = "",
    change: Change = Change.RESTART,
) -> T:
    """Declare a value of any other type; required when it has no default. `shown` is the default as people write it."""
    spec = KeySpec(key, type, default is REQUIRED, shown, "", doc, convert, change=change)
    return cast(T, _field(spec, default))


def to_integer(value: str, warn: Warn) -> int:
    """Convert as parse_integer does, with a warning where a leading zero made the number octal."""
    number, octal = parse_integer(value)
    if octal:
        warn(f"{value} has a leading zero and is octal, that is {number}")
    return number


def keys_of(group_type: type[Any]) -> list[KeySpec]:
    """Return the keys of a dataclass in the order of its fields."""
    return list(_specs(group_type).values())


def check_keys(
    group_type: type[Any],
    group: Group,
    findings: Findings,
    no_effect: Mapping[str, str] = _NOTHING,
    homes: Mapping[str, str] = _NOTHING,
) -> dict[str, Any]:
    """Convert the present values and report wrong ones; missing keys are allowed. See bind_what_is_right."""
    check = _Check(group_type, group, findings, no_effect, homes)
    check.run()
    return check.values


def bind(group_type: type[T], group: Group, findings: Findings) -> T | None:
    """Return the dataclass of a group; None when it has an error, which is in `findings`."""
    before = len(findings.errors)
    bound, _ = bind_what_is_right(group_type, group, findings)
    return bound if len(findings.errors) == before else None


def bind_what_is_right(
    group_type: type[T],
    group: Group,
    findings: Findings,
    no_effect: Mapping[str, str] = _NOTHING,
    homes: Mapping[str, str] = _NOTHING,
) -> tuple[T | None, frozenset[str]]:
    """Make the dataclass of all keys that are right; the second value has those that aren't, or may not be.

    None when a required key is missing or wrong. `no_effect` has keys that aren't the dataclass's but no error
    either, each with the reason why it does nothing, for a warning. `homes` has the groups that keys of others
    belong into.
    """
    check = _Check(group_type, group, findings, no_effect, homes)
    check.run()
    complete = True
    for key, spec in _specs(group_type).items():
        if not spec.required or spec.attribute in check.values:
            continue
        complete = False
        if key not in check.wrong:
            empty = ", which is empty" if key in group.values else ""
            findings.error(group.place_of(key), f"Group '{group.name}' needs the field '{key}'{empty}.")
    return group_type(**check.values) if complete else None, frozenset(check.wrong)


class _Check:
    """Converts the values of one group. `wrong` are keys whose values can't be used."""

    def __init__(
        self,
        group_type: type[Any],
        group: Group,
        findings: Findings,
        no_effect: Mapping[str, str],
        homes: Mapping[str, str],
    ) -> None:
        self._specs = _specs(group_type)
        self._group = group
        self._findings = findings
        self._no_effect = no_effect
        self._homes = homes
        self.values: dict[str, Any] = {}
        self.wrong: set[str] = set(group.broken)

    def run(self) -> None:
        for key, value in self._group.values.items():
            if key in self._specs:
                self._convert(key, value)
            elif key in self._no_effect:
                self._findings.warning(value.place, f"'{key}' has no effect: {self._no_effect[key]}.")
            elif key != "group":
                self._refuse(key, value.place)

    def _refuse(self, key: str, place: Place) -> None:
        home = self._homes.get(key)
        meant = "" if home else nearest(key, self._specs)
        hint = f" It belongs into group '{home}'." if home else did_you_mean(meant)
        self._findings.error(place, f"Group '{self._group.name}' may not contain field '{key}'.{hint}")
        self.wrong |= {key, meant} if meant and meant not in self._group.values else {key}

    def _convert(self, key: str, value: Value) -> None:
        spec = self._specs[key]
        if value.strange:
            self._findings.warning(value.place, f"'{key}': {value.strange}.")
        if spec.empty_is_absent and not value.text:
            if not spec.required:
                instead = f"the default {spec.default} is taken" if spec.default else "it counts as absent"
                self._findings.warning(value.place, f"'{key}' is empty, {instead}.")
            return
        try:
            self.values[spec.attribute] = spec.convert(value.text, _warner(self._findings, value.place, key))
        except ValueError as error:
            self._findings.error(value.place, f"'{key}': {error}.")
            self.wrong.add(key)


def _as_it_is(value: str, warn: Warn) -> str:
    return value


def _field(spec: KeySpec, default: Any, secret: bool = False) -> Any:
    if spec.required:
        return field(metadata={_METADATA: spec}, repr=not secret)
    return field(default=default, metadata={_METADATA: spec}, repr=not secret)


def _specs(group_type: type[Any]) -> dict[str, KeySpec]:
    specs: dict[str, KeySpec] = {}
    for member in dataclasses.fields(group_type):
        spec = member.metadata.get(_METADATA)
        if spec is not None:
            key = spec.key or member.name.replace("_", "-")
            specs[key] = dataclasses.replace(spec, key=key, attribute=member.name)
    return specs


def _warner(findings: Findings, place: Place, key: str) -> Warn:
    return lambda text: findings.warning(place, f"'{key}': {text}.")


def _range_words(low: int | None, high: int | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"
