"""Binding groups to dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from kannel_conf import (
    Findings,
    bind,
    boolean,
    check_keys,
    converted,
    integer,
    keys_of,
    optional_text,
    read_groups,
    text,
)
from kannel_conf.errors import ConfigError


def to_upper(value: str, warn: object) -> str:
    if value == "bad":
        raise ValueError("'bad' is bad")
    return value.upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A group."""

    name: str = text("needed", required=True)
    password: str = text("may be empty", required=True, secret=True, may_be_empty=True)
    note: str = text("with a default", default="none")
    other: str | None = optional_text("may be absent")
    port: int = integer("a number", low=1, high=9, unit="ports")
    count_of: int = integer("with a default", default=-3, key="count")
    flag: bool = boolean("a truth value", default=True)
    loud: str = converted(to_upper, "upper case", type="word", default="X", shown="X")
    few: int = integer("a number with an upper limit only", default=0, high=5)
    origin: str = "a field that is no key"


def read(directory: Path, lines: str) -> tuple[Example | None, list[str], list[str]]:
    path = directory / "x"
    path.write_text("group = example\n" + lines)
    findings = Findings()
    bound = bind(Example, read_groups(str(path), findings)[0], findings)
    errors = [str(error).removeprefix(f"{path}:") for error in findings.errors]
    return bound, errors, [warning.removeprefix(f"{path}:") for warning in findings.warnings]


def test_defaults(tmp_path: Path) -> None:
    bound, errors, warnings = read(tmp_path, "name = a\npassword =\nport = 0x9\nnote =\nother =\ncount =")
    assert errors == []
    assert warnings == [
        "5: 'note' is empty, the default none is taken.",
        "6: 'other' is empty, it counts as absent.",
        "7: 'count' is empty, the default -3 is taken.",
    ]
    assert bound == Example(name="a", password="", port=9)
    assert (bound.note, bound.other, bound.count_of, bound.flag, bound.loud) == ("none", None, -3, True, "X")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("port = 0", "4: 'port': 0 is not between 1 and 9."),
        ("port = 1\nfew = 6", "5: 'few': 6 is not at most 5."),
    ],
)
def test_ranges(tmp_path: Path, line: str, error: str) -> None:
    _, errors, _ = read(tmp_path, f"name = a\npassword = p\n{line}")
    assert errors == [error]


def test_values(tmp_path: Path) -> None:
    lines = "name = a\npassword = p\nport = 1\nnote = n\nother = o\ncount = 7\nflag = off\nloud = l"
    bound, _, _ = read(tmp_path, lines)
    assert bound == Example(
        name="a", password="p", port=1, note="n", other="o", count_of=7, flag=False, loud="L"
    )
    assert "password" not in repr(bound)


def test_all_problems_at_once(tmp_path: Path) -> None:
    bound, errors, warnings = read(
        tmp_path, "name =\nport = 12x\ncount = 010\nflag = maybe\nloud = bad\nnmae = b"
    )
    assert bound is None
    assert errors == [
        "3: 'port': '12x' is not a whole number.",
        "6: 'loud': 'bad' is bad.",
        "7: Group 'example' may not contain field 'nmae'. Did you mean 'name'?",
        "2: Group 'example' needs the field 'name', which is empty.",
        "1: Group 'example' needs the field 'password'.",
    ]
    assert warnings == [
        "4: 'count': 010 has a leading zero and is octal, that is 8.",
        "5: 'flag': 'maybe' is neither true nor false, 'true' is assumed.",
    ]


def test_an_empty_required_value_is_missing(tmp_path: Path) -> None:
    bound, errors, _ = read(tmp_path, "name =\npassword = p\nport = 1\nflag =")
    assert bound is None
    assert errors == ["2: Group 'example' needs the field 'name', which is empty."]


@pytest.mark.parametrize("port", ["0", "10", "-1"])
def test_range(tmp_path: Path, port: str) -> None:
    _, errors, _ = read(tmp_path, f"name = a\npassword = p\nport = {port}")
    assert errors == [f"4: 'port': {port} is not between 1 and 9."]


def test_check_keys_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("group = example\nloud = a")
    findings = Findings()
    assert check_keys(Example, read_groups(str(path), findings)[0], findings) == {"loud": "A"}
    findings.raise_first()


def test_raise_first() -> None:
    findings = Findings()
    read_groups("/nonexistent/x", findings)
    with pytest.raises(ConfigError, match=r"^/nonexistent/x: cannot read it: No such file or directory$"):
        findings.raise_first()


def test_keys_of() -> None:
    assert [(spec.key, spec.type, spec.required, spec.default, spec.unit) for spec in keys_of(Example)] == [
        ("name", "string", True, "", ""),
        ("password", "string", True, "", ""),
        ("note", "string", False, "none", ""),
        ("other", "string", False, "", ""),
        ("port", "integer", True, "", "ports"),
        ("count", "integer", False, "-3", ""),
        ("flag", "boolean", False, "true", ""),
        ("loud", "word", False, "X", ""),
        ("few", "integer", False, "0", ""),
    ]
