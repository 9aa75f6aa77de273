"""Files and what Kannel's own reader made of them; where we differ on purpose the case says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from kannel_conf import KANNEL_SINGLE, Findings, keep_last, read_groups
from kannel_conf.groups import NO_NAME

Groups = list[dict[str, str]]


def read(directory: Path, text: str | bytes, name: str = "main.conf") -> tuple[Groups, Findings]:
    """Read a text as a file; Kannel's single groups replace each other."""
    path = directory / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    findings = Findings()
    groups = keep_last(read_groups(name, findings), KANNEL_SINGLE, findings)
    return [group.texts() for group in groups], findings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def core(**values: str) -> dict[str, str]:
    return {"group": "core", **{key.replace("_", "-"): value for key, value in values.items()}}


RECORDED: dict[str, tuple[str | bytes, Groups]] = {
    "no line feed at the end": ("group = core\nadmin-port = 13000", [core(admin_port="13000")]),
    "comments, none of them trailing": (
        "group = core\n  # x = y\nadmin-port = 1 # c\n#\nlog-level = 2",
        [core(admin_port="1 # c", log_level="2")],
    ),
    "equals signs in the value": ("group = core\nlog-file=a=b==c", [core(log_file="a=b==c")]),
    "an empty value is there": ("group = core\nlog-file =", [core(log_file="")]),
    "an empty key": ("group = core\n= value", [{"group": "core", "": "value"}]),
    "CRLF": (
        "group = core\r\nlog-level = 1\r\n\r\ngroup = smsc\r\nport = 2\r\n",
        [core(log_level="1"), {"group": "smsc", "port": "2"}],
    ),
    "CR alone ends no line": ("group = core\rlog-level = 1", [core() | {"group": "core\rlog-level = 1"}]),
    "CRLF stops a continuation": (
        "group = core\r\nlog-file = x\\\r\nstore-file = y\r\n",
        [core(log_file="x\\", store_file="y")],
    ),
    "tabs": ('\tgroup\t=\tcore\t\n\tlog-file\t=\t"\tx\t"', [core(log_file="\tx\t")]),
    "continued twice": ("group = core\nlog-file = ab\\\n   cd\\\nef", [core(log_file="ab   cdef")]),
    "continued by an empty line": (
        "group = core\nlog-file = ab\\\n\nlog-level = 1",
        [core(log_file="ab", log_level="1")],
    ),
    "two backslashes": (
        "group = core\nlog-file = ab\\\\\nlog-level = 1",
        [core(log_file="ab\\", log_level="1")],
    ),
    "three backslashes": (
        "group = core\nlog-file = ab\\\\\\\nlog-level = 1",
        [core(log_file="ab\\\\", log_level="1")],
    ),
    "a blank after the backslash": ("group = core\nlog-file = ab\\ \n", [core(log_file="ab\\")]),
    "a backslash at the end of the file": ("group = core\nlog-file = ab\\", [core(log_file="ab")]),
    "a continued comment": (
        "group = core\n# comment \\\nlog-file = ab\nlog-level = 1",
        [core(log_level="1")],
    ),
    "the last of two": ("group = core\nlog-file = a\nlog-file = b", [core(log_file="b")]),
    "single groups replace": (
        "group=core\nlog-file=a\n\ngroup=core\nlog-level=3",
        [core(log_level="3")],
    ),
    "multi groups in order": (
        "group = smsc\nport = 1\n\ngroup = smsc\nport = 2",
        [{"group": "smsc", "port": "1"}, {"group": "smsc", "port": "2"}],
    ),
    "names are case-sensitive": (
        "group = Core\nLog-File = x",
        [{"group": "Core", "Log-File": "x"}],
    ),
    "group in the middle": (
        "log-level = 1\ngroup = core\nlog-file = a",
        [{"log-level": "1", "group": "core", "log-file": "a"}],
    ),
    "group quoted, and again": ('group = smsc\nport = 1\ngroup = "core"', [core(port="1")]),
    "a byte order mark (Kannel: part of the key)": (b"\xef\xbb\xbfgroup = core", [core()]),
    "octets that are no UTF-8": (b"group = core\nlog-file = \xe9", [core(log_file="\udce9")]),
    "include within a path (Kannel: a directive)": (
        "group = core\nlog-file = /x/include.log",
        [core(log_file="/x/include.log")],
    ),
    "include within a key (Kannel: a directive)": (
        "group = core\nnot-include-x = inc_b",
        [core() | {"not-include-x": "inc_b"}],
    ),
    "Include is an ordinary key": ("group = core\nInclude = x", [core() | {"Include": "x"}]),
    "empty": ("", []),
    "only comments": ("# nothing\n\n \t\n#", []),
}


@pytest.mark.parametrize("case", RECORDED)
def test_recorded(here: Path, case: str) -> None:
    text, expected = RECORDED[case]
    groups, findings = read(here, text)
    assert findings.errors == []
    assert groups == expected


BROKEN: dict[str, tuple[str | bytes, list[str]]] = {
    "a blank line closes": (
        "group = core\nadmin-port = 1\n \t \nlog-level = 2",
        [f"main.conf:4: {NO_NAME}"],
    ),
    "no equals sign": ("group = core\n\nfoo", ["main.conf:3: An equals sign ('=') is missing."]),
    "include without equals sign": ('include "x"', ["main.conf:1: An equals sign ('=') is missing."]),
    "physical line numbers": (
        "group = core\nlog-file = a\\\nb\\\nc\nbroken",
        ["main.conf:5: An equals sign ('=') is missing."],
    ),
    "all at once": (
        "group core\nlog-level = 1\n\nport = 1\n\nx",
        [
            "main.conf:1: An equals sign ('=') is missing.",
            f"main.conf:4: {NO_NAME}",
            "main.conf:6: An equals sign ('=') is missing.",
        ],
    ),
    "NUL": (b"group = core\nlog-file = a\0b", ["main.conf:2: The line contains a NUL byte."]),
    "included file missing": (
        "include = nowhere",
        ["main.conf:1: Failed to include `nowhere': No such file or directory"],
    ),
    "include of nothing": ("include =", ["main.conf:1: Failed to include `': No such file or directory"]),
    "itself": (
        "\ninclude = ./main.conf",
        ["main.conf:2: Recursive include for config file `./main.conf' detected."],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(here: Path, case: str) -> None:
    text, expected = BROKEN[case]
    _, findings = read(here, text)
    assert [str(error) for error in findings.errors] == expected


def test_an_unreadable_main_file_is_named_without_a_line(here: Path) -> None:
    findings = Findings()
    assert read_groups("missing.conf", findings) == []
    assert [str(error) for error in findings.errors] == [
        "missing.conf: cannot read it: No such file or directory"
    ]


def test_what_is_replaced_is_told(here: Path) -> None:
    _, findings = read(here, "group = core\nlog-file = a\nlog-file = b\n\ngroup = core")
    assert findings.warnings == [
        "main.conf:3: 'log-file' replaces the value set at main.conf:2.",
        "main.conf:5: Group 'core' replaces the whole group at main.conf:1.",
    ]


def test_the_old_rule_for_include_is_told(here: Path) -> None:
    _, findings = read(here, "group = core\n# include = c\nlog-file = a # see include")
    assert [warning.split(":", 2)[:2] for warning in findings.warnings] == [["main.conf", "3"]]
