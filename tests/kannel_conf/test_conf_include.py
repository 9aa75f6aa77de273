"""Included files and directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from kannel_conf import Findings, Group, read_groups
from kannel_conf.groups import NO_NAME


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / name).write_text(text)


def read() -> tuple[list[Group], Findings]:
    findings = Findings()
    return read_groups("main", findings), findings


def test_keys_above_the_include_belong_to_the_first_included_group(here: Path) -> None:
    write(here, main="group = core\ninclude = inc\n", inc="group = smsc\nport = 1\n")
    groups, findings = read()
    assert [group.texts() for group in groups] == [{"group": "smsc", "port": "1"}]
    assert findings.errors == []


def test_keys_below_the_include_stand_alone(here: Path) -> None:
    write(here, main="group = core\ninclude = inc\nlog-file = x", inc="admin-port = 1")
    groups, findings = read()
    assert [group.texts() for group in groups] == [{"group": "core", "admin-port": "1"}]
    assert [str(error) for error in findings.errors] == [f"main:3: {NO_NAME}"]


@pytest.mark.parametrize("name", ["empty", "/dev/null"])
def test_an_empty_file_ends_no_group(here: Path, name: str) -> None:
    write(here, main=f"group = core\ninclude = {name}\nlog-file = x", empty="")
    groups, findings = read()
    assert [group.texts() for group in groups] == [{"group": "core", "log-file": "x"}]
    assert findings.errors == []


def test_values_know_their_file_and_physical_line(here: Path) -> None:
    write(
        here,
        main='group = core\nlog-file = "a\\\nb"\ninclude = inc',
        inc="# c\n\n\nport = 1\ngroup = smsc\nbroken",
    )
    groups, findings = read()
    assert [str(group.place) for group in groups] == ["main:1", "inc:4"]
    assert [str(value.place) for value in groups[1].values.values()] == ["inc:4", "inc:5"]
    assert str(groups[0].place_of("log-file")) == "main:2"
    assert str(groups[0].place_of("absent")) == "main:1"
    assert [str(error) for error in findings.errors] == ["inc:6: An equals sign ('=') is missing."]


def test_names_are_relative_to_the_working_directory(here: Path) -> None:
    (here / "sub").mkdir()
    write(here, main="include = sub/inc1")
    write(here / "sub", inc1="include = inc2", inc2="group = core")
    _, findings = read()
    assert [str(error) for error in findings.errors] == [
        "sub/inc1:1: Failed to include `inc2': No such file or directory"
    ]


def test_the_same_file_twice_is_no_loop(here: Path) -> None:
    write(here, main="include = inc\ninclude = ./inc", inc="group = smsc")
    groups, findings = read()
    assert len(groups) == 2
    assert findings.errors == []


def test_a_loop_over_several_files_and_names(here: Path) -> None:
    (here / "link").symlink_to("main")
    write(here, main="include = inc", inc="group = core\n\ninclude = link")
    _, findings = read()
    assert [str(error) for error in findings.errors] == [
        "inc:3: Recursive include for config file `link' detected."
    ]


def test_a_directory_that_includes_itself_ends(here: Path) -> None:
    (here / "d").mkdir()
    write(here, main="include = d")
    write(here / "d", a="include = d")
    _, findings = read()
    assert [str(error) for error in findings.errors] == [
        "d/a:1: Recursive include for config file `d/a' detected."
    ]


def test_a_directory_by_name_without_hidden_files_and_backups(here: Path) -> None:
    (here / "d" / "sub").mkdir(parents=True)
    write(here, main="include = d/")
    for name in ("m", ".hid", "z", "a", "b~"):
        (here / "d" / name).write_text(f"group = smsc\nsmsc-id = {name}")
    (here / "d" / "sub" / "x").write_text("broken")
    groups, findings = read()
    assert [group.values["smsc-id"].text for group in groups] == ["a", "m", "z"]
    assert findings.errors == []


def test_a_link_to_a_directory_reads_as_empty_and_is_told(here: Path) -> None:
    (here / "real").mkdir()
    write(here / "real", a="group = core")
    (here / "link").symlink_to("real")
    write(here, main="include = link")
    groups, findings = read()
    assert groups == []
    assert findings.warnings == ["main:1: `link' is a symbolic link to a directory and reads as empty."]


def test_unreadable_files_are_problems_of_the_including_line(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here, main="\ninclude = inc", inc="group = core")

    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    (here / "d").mkdir()
    write(here, main="\ninclude = d\ninclude = socket")
    (here / "socket").symlink_to("nowhere")
    monkeypatch.setattr("kannel_conf.lines.os.listdir", refuse)
    _, findings = read()
    assert [str(error) for error in findings.errors] == [
        "main:2: Failed to include `d': Permission denied",
        "main:3: cannot read `socket': No such file or directory",
    ]
