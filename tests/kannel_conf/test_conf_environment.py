"""`${NAME}` in values: the environment's variable, or a warning and the text as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from kannel_conf import Findings, read_groups
from kannel_conf.values import expand

ENVIRONMENT = {
    "HOST": "db.example.com",
    "PORT": "3306",
    "EMPTY": "",
    "PASSWORD": r'p"\${HOST}%s$',
    "lower": "x",
    "with-dash": "y",
    "BLANKS": " a  b ",
    "LINES": "a\nb",
    "DIRECTORY": "more",
}

EXPANDED = [
    ("${HOST}", "db.example.com"),
    ("${HOST}:${PORT}", "db.example.com:3306"),
    ("${HOST}${PORT}", "db.example.com3306"),
    ("a${EMPTY}b", "ab"),
    ("${EMPTY}", ""),
    ("http://${HOST}/%p?x=$1&y=${lower}", "http://db.example.com/%p?x=$1&y=x"),
    ("${with-dash}", "y"),
    ("$${PORT}", "$3306"),
    (r"\${PORT}", r"\3306"),
    ("{${PORT}}", "{3306}"),
    ("'${PORT}'", "'3306'"),
    ('"${PORT}"', "3306"),
    ('"${BLANKS}"', " a  b "),
    ("${BLANKS}", " a  b "),
    (r'"\"${PORT}\""', '"3306"'),
    ("${PASSWORD}", r'p"\${HOST}%s$'),  # nothing in it is read again
    ('"${PASSWORD}"', r'p"\${HOST}%s$'),
    ("${LINES}", "a\nb"),
    ("# ${PORT}", "# 3306"),
    ("${PORT} # a comment for nobody", "3306 # a comment for nobody"),
]
AS_IT_STANDS = [
    ("${NOBODY}", ["${NOBODY}"]),
    ("${NOBODY}${NOBODY}", ["${NOBODY}", "${NOBODY}"]),
    ("a${NO}b${BODY}c", ["${NO}", "${BODY}"]),
    ("${host}", ["${host}"]),
    ("${ HOST }", ["this ${...}"]),
    ("${HOST:-localhost}", ["this ${...}"]),
    ("pass${w@rd}", ["this ${...}"]),  # a piece of a password isn't repeated
    ("$HOST", []),
    ("$(HOST)", []),
    ("%HOST%", []),
    ("%{HOST}", []),
    ("{HOST}", []),
    ("${}", []),
    ("${", []),
    ("${HOST", []),
    ("$ {HOST}", []),
    ("^a{3}$", []),
    ("$", []),
]


def read(directory: Path, text: str) -> tuple[dict[str, str], Findings]:
    (directory / "main.conf").write_text(text)
    findings = Findings()
    [group] = read_groups("main.conf", findings, ENVIRONMENT)
    assert not findings.errors
    return group.texts(), findings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("raw", "value"), EXPANDED)
def test_a_variable_is_put_in(here: Path, raw: str, value: str) -> None:
    values, findings = read(here, f"group = core\nx = {raw}\n")
    assert (values["x"], findings.warnings) == (value, [])


@pytest.mark.parametrize(("raw", "unset"), AS_IT_STANDS)
def test_what_is_no_variable_stays(here: Path, raw: str, unset: list[str]) -> None:
    values, findings = read(here, f"group = core\n\\\nx = {raw}\n")
    assert values["x"] == raw
    assert findings.warnings == [
        f"main.conf:2: 'x': {name} stays as it stands, there is no such environment variable."
        for name in unset
    ]


def test_keys_and_comments_are_left_alone(here: Path) -> None:
    values, findings = read(here, "group = core\n# ${NOBODY}\n${PORT} = 1\n")
    assert (values, findings.warnings) == ({"group": "core", "${PORT}": "1"}, [])


def test_the_name_of_a_group(here: Path) -> None:
    (here / "main.conf").write_text("group = ${lower}y\n")
    [group] = read_groups("main.conf", Findings(), ENVIRONMENT)
    assert group.name == "xy"


def test_a_continued_line(here: Path) -> None:
    assert read(here, "group = core\nx = ${PO\\\nRT}\n")[0]["x"] == "3306"


def test_includes(here: Path) -> None:
    (here / "more").mkdir()
    (here / "more" / "one.conf").write_text("x = ${PORT}\ny = ${NOBODY}\n")
    values, findings = read(here, "group = core\ninclude = ${DIRECTORY}/one.conf\n")
    assert values == {"group": "core", "x": "3306", "y": "${NOBODY}"}
    assert findings.warnings == [
        "more/one.conf:2: 'y': ${NOBODY} stays as it stands, there is no such environment variable."
    ]


def test_an_include_that_is_not_set(here: Path) -> None:
    (here / "main.conf").write_text("group = core\n\ninclude = ${NOBODY}/x\n")
    findings = Findings()
    read_groups("main.conf", findings, ENVIRONMENT)
    assert findings.warnings == [
        "main.conf:3: 'include': ${NOBODY} stays as it stands, there is no such environment variable."
    ]
    assert [
        str(error).startswith("main.conf:3: Failed to include `${NOBODY}/x'") for error in findings.errors
    ] == [True]


def test_the_process_own_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "main.conf").write_text("group = core\nx = ${KANNEL_CONF_TEST}\n")
    monkeypatch.setenv("KANNEL_CONF_TEST", "é")
    assert read_groups("main.conf", Findings())[0].texts()["x"] == "é"
    monkeypatch.delenv("KANNEL_CONF_TEST")
    assert read_groups("main.conf", Findings())[0].texts()["x"] == "${KANNEL_CONF_TEST}"


def test_each_name_that_is_not_set_is_told() -> None:
    told: list[str] = []
    assert expand("${A}${B}", {"B": "b"}, told.append) == "${A}b"
    assert told == ["${A} stays as it stands, there is no such environment variable"]
