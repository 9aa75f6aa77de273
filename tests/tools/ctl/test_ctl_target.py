"""The address, the operator and the password: which of the options, the environment and the files counts."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from ksmppd_py.tools.ctl.errors import CtlError
from ksmppd_py.tools.ctl.target import TargetOptions, find_target, new_password

PROJECT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {"KSMPPD_URL": "http://env:1", "KSMPPD_USER": "erin", "KSMPPD_PASSWORD": "env-pw"}
USERS = """
group = http-user
username = bob
password = bob-pw
role = operator

group = http-user
username = carol
password = $2y$10$abcdefghijklmnopqrstuuCkLQjEOkbn5IkvqK9gIq0JCUWaIkiNm
role = viewer
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration of another name, the current one."""
    (tmp_path / "other.conf").write_text(configuration(port=14099) + USERS)
    (tmp_path / "secret").write_text("file-pw\nsecond line\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configuration(port: int = 14010, interface: str = "127.0.0.1", more: str = "") -> str:
    """The quickstart configuration with another administration port."""
    text = (PROJECT / "examples/configurations/quickstart/ksmppd.conf").read_text("utf-8")
    head, group, rest = text.partition("group = http-server")
    rest = re.sub(r"(?m)^port = .*$", f"port = {port}", rest, count=1)
    line = f"interface = {interface}\n{more}" if interface else more
    rest = re.sub(r"(?m)^interface = .*\n", line, rest, count=1)
    return head + group + rest


NAMED = TargetOptions(config="other.conf")


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        (NAMED, {}, ("http://127.0.0.1:14099", "admin", "ksmppdpass")),
        (NAMED, ENVIRONMENT, ("http://127.0.0.1:14099", "admin", "ksmppdpass")),
        (TargetOptions(), ENVIRONMENT, ("http://env:1", "erin", "env-pw")),
        (TargetOptions(url="https://o:2/"), ENVIRONMENT, ("https://o:2", "erin", "env-pw")),
        (TargetOptions(user="bob"), ENVIRONMENT, ("http://env:1", "bob", "env-pw")),
        (TargetOptions(password_file="secret"), ENVIRONMENT, ("http://env:1", "erin", "file-pw")),
        (TargetOptions(config="other.conf", user="bob"), {}, ("http://127.0.0.1:14099", "bob", "bob-pw")),
        (
            TargetOptions(config="other.conf", user="carol"),
            ENVIRONMENT,
            ("http://127.0.0.1:14099", "carol", "env-pw"),
        ),
        (
            TargetOptions(config="other.conf", url="http://[::1]:3"),
            {},
            ("http://[::1]:3", "admin", "ksmppdpass"),
        ),
    ],
)
def test_sources(options: TargetOptions, environment: Mapping[str, str], expected: tuple[str, ...]) -> None:
    target = find_target(options, environment)
    assert (target.url, target.username, target.password) == expected
    assert target.password not in repr(target)


def test_the_file_of_the_current_directory_comes_last(directory: Path) -> None:
    (directory / "ksmppd.conf").write_text(configuration())
    assert find_target(TargetOptions(), {}).url == "http://127.0.0.1:14010"
    assert find_target(TargetOptions(), ENVIRONMENT).url == "http://env:1"
    own = find_target(TargetOptions(), {"KSMPPD_PASSWORD": "other"})
    assert (own.username, own.password) == ("admin", "other")


@pytest.mark.parametrize(
    ("interface", "url"),
    [
        ("", "http://127.0.0.1:14010"),
        ("0.0.0.0", "http://127.0.0.1:14010"),
        ("::", "http://[::1]:14010"),
        ("::1", "http://[::1]:14010"),
        ("10.1.2.3", "http://10.1.2.3:14010"),
    ],
)
def test_addresses_of_the_port(directory: Path, interface: str, url: str) -> None:
    (directory / "a.conf").write_text(configuration(interface=interface))
    assert find_target(TargetOptions(config="a.conf"), {}).url == url


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (TargetOptions(), "no server: name its configuration"),
        (TargetOptions(url="http://o:2"), "no password of admin"),
        (TargetOptions(config="other.conf", user="carol"), "no password of carol"),
        (TargetOptions(config="port0.conf"), "port = 0"),
        (TargetOptions(config="wrong.conf"), "wrong.conf:1: "),
        (TargetOptions(url="http://user:pw@o:2"), "no address of an administration port"),
        (TargetOptions(url="http://o:999999"), "no address of an administration port"),
        (TargetOptions(url="http://o:2", password_file="."), "can't read a password"),
    ],
)
def test_refused(
    directory: Path, options: TargetOptions, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / "port0.conf").write_text(configuration(port=0))
    (directory / "wrong.conf").write_text("group = nothing\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CtlError, match=re.escape(words)) as refusal:
        find_target(options, {})
    assert refusal.value.exit_code == 2
    assert "\n" not in str(refusal.value)


def test_passwords_of_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER", "pw1")
    monkeypatch.setattr("sys.stdin", io.StringIO("pw2\nmore\n"))
    assert new_password("generate") is None
    assert new_password("env:CUSTOMER") == "pw1"
    assert new_password("stdin") == "pw2"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CtlError, match="there is no password in stdin"):
        new_password("stdin")
