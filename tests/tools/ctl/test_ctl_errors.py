"""Every subcommand of ksmppctl answers every kind of failure with one line and the documented exit status."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ksmppd_py.tools.ctl import api_client
from ksmppd_py.tools.ctl.cli import cli
from tests.tools.ctl.conftest import Ctl, Scripted

COMMANDS = [
    "account list",
    "account show acme",
    "account add acme",
    "account set acme --throughput 5",
    "account password acme",
    "account credit acme",
    "account credit acme --add 5 --reason gift",
    "account suspend acme",
    "account resume acme",
    "account delete acme --yes",
    "account export",
    "account import accounts.csv --yes",
    "route list",
    "route add --system-id acme --regex x",
    "route set 7 --cost 2",
    "route delete 7 --yes",
    "route test acme --to +4670",
    "route export",
    "route import routes.csv --yes",
    "bind list",
    "bind unbind 7",
    "bind unbind --account acme",
    "queue list",
    "queue show acme",
    "queue purge acme --yes",
    "queue",
    "bearerbox",
    "blocked",
    "bearerbox list",
    "bearerbox pause box",
    "bearerbox resume box",
    "refusals",
    "blocked list",
    "blocked clear 10.0.0.1",
    "blocked clear --all",
    "audit",
    "events",
    "events --follow",
    "schema show",
    "schema upgrade",
]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accounts.csv").write_text("system_id,throughput\nacme,5\n")
    (tmp_path / "routes.csv").write_text("direction,system_id,regex\n1,acme,x\n")
    monkeypatch.chdir(tmp_path)


def leaves(group: click.Group, words: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{words}{name} ")
        else:
            yield f"{words}{name}"


def test_no_subcommand_is_forgotten() -> None:
    tested = [command.split(" ") for command in COMMANDS]
    for leaf in leaves(cli):
        words = leaf.split(" ")
        assert any(each[: len(words)] == words for each in tested), leaf


PROBLEMS = {
    400: (1, "the words"),
    401: (4, "the username or the password is wrong"),
    403: (4, "the words"),
    404: (1, "the words"),
    409: (1, "the words"),
    412: (1, "it was changed by another hand meanwhile"),
    422: (1, "the words"),
    429: (5, "the words"),
    500: (5, "the words"),
    503: (5, "the words"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_problems(command: str, ctl: Ctl, scripted: Scripted) -> None:
    for status, (code, words) in PROBLEMS.items():
        scripted.problem(status, "the words")
        ended = ctl(*command.split(" "))
        assert (ended.code, ended.out) == (code, ""), (status, ended)
        assert ended.err.count("\n") == 1, ended.err
        assert ended.err.startswith("ksmppctl: "), ended.err
        assert words in ended.err


NO_ANSWERS = {
    "broken JSON": (200, b'{"items": ['),
    "another server's page": (200, b"<html>It works!</html>"),
    "another server's error": (502, b"<html>Bad Gateway</html>"),
    "another server's JSON error": (500, b'{"error": 1}'),
    "redirection": (302, b""),
    "nothing": (200, b""),
    "closed connection": (0, b""),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_answers_of_another_kind(command: str, ctl: Ctl, scripted: Scripted) -> None:
    for kind, (status, body) in NO_ANSWERS.items():
        scripted.status, scripted.body, scripted.headers = status, body, {"Location": "/"}
        ended = ctl(*command.split(" "))
        assert (ended.code, ended.out) == (3, ""), (kind, ended)
        assert ended.err.count("\n") == 1, ended.err
        assert ended.err.startswith("ksmppctl: "), ended.err


@pytest.mark.parametrize("command", COMMANDS)
def test_objects_of_another_kind(command: str, ctl: Ctl, scripted: Scripted) -> None:
    """JSON that isn't the API's object is no reason for a traceback."""
    for body in ([], {}, "text", 7):
        scripted.answer(200, body)
        ended = ctl(*command.split(" "))
        assert ended.code in ((0, 3) if body == {} else (3,)), (body, ended)
        assert ended.err.count("\n") == bool(ended.code), ended.err


@pytest.mark.parametrize("command", COMMANDS)
def test_server_away(command: str, ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("KSMPPD_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        ended = ctl(*command.split(" "))
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("ksmppctl: ")
    assert "Connection refused" in ended.err
    assert ended.err.count("\n") == 1


def test_server_that_never_answers(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("KSMPPD_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        ended = ctl("account", "list")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.endswith("it takes too long\n")


def test_unknown_host(ctl: Ctl) -> None:
    ended = ctl("--url", "http://host.invalid:14010", "account", "list")
    assert ended.code == 3
    assert ended.err.startswith("ksmppctl: no answer from http://host.invalid:14010: ")
    assert ended.err.count("\n") == 1


def test_a_change_of_credit_that_may_have_been_made_names_its_key(ctl: Ctl, scripted: Scripted) -> None:
    scripted.problem(503, "the database is away")
    ended = ctl("account", "credit", "acme", "--add", "5", "--reason", "gift")
    key = scripted.requests[0][2]["Idempotency-Key"]
    assert ended.err == f"ksmppctl: the database is away; to repeat it safely add --key {key}\n"
    scripted.answer(200, {"credit": 5.0, "entry_id": 1, "repeated": True})
    ended = ctl("account", "credit", "acme", "--add", "5", "--reason", "gift", "--key", key)
    assert (ended.code, scripted.requests[1][2]["Idempotency-Key"]) == (0, key)
    assert scripted.requests[1][3] == {"amount": 5.0, "reason": "gift"}


USAGE = {
    "account frobnicate": "no such command 'frobnicate', there are add, credit, delete",
    "acount list": "no such command 'acount', did you mean account?",
    "account list --srot credit": "No such option",
    "account show": "Missing argument 'SYSTEM_ID'",
    "account add acme --throughput fast": "should be a valid number",
    "account add acme --throughput -1": "greater than or equal to 0",
    "account add acme --max-binds 1.5": "valid integer",
    "account add acme --password-from pw": "none of generate, prompt, stdin, env:NAME",
    "account add acme --password-from env:NOT_THERE": "there is no password in env:NOT_THERE",
    "account add acme --cost 1": "--route, which is missing",
    "account set acme": "nothing to change",
    "account set acme --switch-dlr-addr perhaps": "valid boolean",
    "account credit acme --add 5": "--reason is needed",
    "account credit acme --add 5 --take 5 --reason x": "not both",
    "account credit acme --add 0 --reason x": "not in the range",
    "account password acme --keep-former soon": "is no time",
    "account delete acme": "Add --yes",
    "route set 7": "nothing to change",
    "route set x --cost 1": "not a valid integer",
    "route test --to 1": "name either an account that sends",
    "route test acme": "Missing option '--to'",
    "bind unbind": "name either bind ids or --account",
    "blocked clear": "name either an address or --all",
    "events --kind earthquake": "is not one of",
    "account import nothing.csv": "can't read nothing.csv: No such file or directory",
    "route export /nowhere/routes.csv": "can't write /nowhere/routes.csv",
    "--url ftp://host account list": "no address of an administration port",
    "--url host:14010 account list": "no address of an administration port",
    "--config nothing.conf account list": "nothing.conf",
    "--password-file nothing account list": "can't read a password from nothing",
}


@pytest.mark.parametrize(("command", "words"), USAGE.items(), ids=USAGE)
def test_wrong_arguments(command: str, words: str, ctl: Ctl, scripted: Scripted) -> None:
    account = {"system_id": "acme", "credit": 0.0, "traffic": {"binds": 0}}
    scripted.answer(200, {**account, "items": [], "next": None})
    ended = ctl(*command.split(" "))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("ksmppctl")
    assert ended.err.count("\n") == 1, ended.err
    assert words in ended.err


def test_a_group_alone_prints_its_help(ctl: Ctl) -> None:
    ended = ctl("account")
    assert (ended.code, ended.out) == (2, "")
    assert "import" in ended.err
