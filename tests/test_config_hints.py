"""Mistyped configurations: the nearest known word, misread values, all reported at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kannel_conf.hints import nearest, strange_writing
from ksmppd_py.config import ConfigProblems, load
from tests.parts.certificate import write_certificate

KSMPPD = "group = ksmppd\ndatabase-type = mysql\ndatabase-config = demo\n"
MYSQL = "group = mysql-connection\nid = demo\nhost = h\nusername = u\npassword = p\ndatabase = d\n"
BOX = "group = bearerbox-connection\nhost = localhost\nport = 13001\n"
HTTP = "group = http-server\nport = 14010\npassword = p\n"


def found_in(directory: Path, text: str) -> tuple[list[str], list[str]]:
    """Problems and warnings, each as `line: text`."""
    path = directory / "x.conf"
    path.write_text(text)
    try:
        problems, warnings = [], list(load(str(path)).warnings)
    except ConfigProblems as found:
        problems, warnings = found.problems, found.warnings
    return [each.removeprefix(f"{path}:") for each in problems], [
        each.removeprefix(f"{path}:") for each in warnings
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("smpp-prt", "smpp-port"),
        ("smpp_port", "smpp-port"),
        ("Log-File", "log-file"),
        ("smpp–port", "smpp-port"),  # a dash of a word processor
        ("log-file\u00a0", "log-file"),
        ("auht-method", "auth-method"),
        ("bogus", ""),
        ("", ""),
        ("port", ""),
    ],
)
def test_the_nearest_word(word: str, expected: str) -> None:
    assert nearest(word, {"smpp-port", "log-file", "log-level", "auth-method", "id"}) == expected


OPEN = "the quote (\") isn't closed"
COMMENT = "a comment needs a line of its own, '#' and all behind it are part of the value"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"localhost', OPEN),
        ('localhost"', "the quote (\") wasn't opened"),
        ('"', OPEN),
        ('"a" # here', COMMENT),
        ("2345 # here", COMMENT),
        ("2345\t# here", COMMENT),
        ("“localhost”", "“ is no quote here, it is part of the value"),
        ("localhost’", "’ is no quote here, it is part of the value"),
        ("\u00a0x", "the character U+00A0, which is invisible, is part of the value"),
        ("x\u200b", "the character U+200B, which is invisible, is part of the value"),
        ('"a"', ""),
        ('""', ""),
        ('" # "', ""),
        ('a"b', ""),
        ("p#ss", ""),
        ("#ss", ""),
        ("'s'", ""),
        ("größe", ""),
        ("", ""),
    ],
)
def test_values_that_look_otherwise(value: str, expected: str) -> None:
    assert strange_writing(value) == expected


def test_strange_values_are_told_without_repeating_them(tmp_path: Path) -> None:
    text = (
        KSMPPD
        + f'id = "demo\nlog-file = {tmp_path}/x.log # daily\n\n'
        + MYSQL.replace("password = p", "password = “s3cret”")
        + f"\n{BOX}\n{HTTP}\ngroup = core\nadmin-password = “x”\n"
    )
    problems, warnings = found_in(tmp_path, text)
    assert problems == []
    assert warnings == [
        f"4: 'id': {OPEN}.",
        f"5: 'log-file': {COMMENT}.",
        "11: 'password': “ is no quote here, it is part of the value.",
    ]
    assert not any("s3cret" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("smpp-port =", "'smpp-port' is empty, the default 2345 is taken."),
        ("auth-method =", "'auth-method' is empty, the default 1 is taken."),
        ('database-store-table = ""', "'database-store-table' is empty, the default smpp_store is taken."),
        ("log-file =", "'log-file' is empty, it counts as absent."),
        (
            "database-enable-queue =",
            "'database-enable-queue': '' is neither true nor false, 'true' is assumed.",
        ),
    ],
)
def test_empty_values(tmp_path: Path, line: str, told: str) -> None:
    problems, warnings = found_in(tmp_path, f"{KSMPPD}{line}\n\n{MYSQL}\n{BOX}\n{HTTP}")
    assert (problems, warnings) == ([], [f"4: {told}"])


def test_an_empty_password_of_the_database_is_one(tmp_path: Path) -> None:
    text = f"{KSMPPD}\n{MYSQL.replace('password = p', 'password =')}\n{BOX}\n{HTTP}"
    assert found_in(tmp_path, text) == ([], [])


@pytest.mark.parametrize("key", ["log-file", "access-log"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("{0}/none/x.log", "there is no directory {0}/none, nothing will be written."),
        ("{0}", "{0} is a directory, nothing will be written."),
        ("{0}/x.log", ""),
    ],
)
def test_log_files(tmp_path: Path, key: str, path: str, told: str) -> None:
    text = f"{KSMPPD}{key} = {path.format(tmp_path)}\n\n{MYSQL}\n{BOX}\n{HTTP}"
    assert found_in(tmp_path, text) == ([], [f"4: '{key}': {told.format(tmp_path)}"] if told else [])


FORK = {
    "database-store-primary": "messages go to a bearerbox, none is left in the store for another program",
    "database-dlr-table": "delivery reports come from bearerboxes, no table is looked at for them",
    "database-dlr-delete-processed": "delivery reports come from bearerboxes, no table is looked at for them",
    "database-queue-store-table": "all queued messages are in one table, 'database-store-table'",
    "database-queue-type": "the queue is in the database, none is in Redis",
    "database-queue-config": "the queue is in the database, none is in Redis",
    "database-queue-inflight-table": "the queue is in the database, none is in Redis",
}


@pytest.mark.parametrize("key", FORK)
def test_keys_of_a_fork_of_the_c_daemon(tmp_path: Path, key: str) -> None:
    text = f"{KSMPPD}{key} = 1\n\n{MYSQL}\n{BOX}\n{HTTP}"
    assert found_in(tmp_path, text) == ([], [f"4: '{key}' has no effect: {FORK[key]}."])
    elsewhere = text.replace(HTTP, f"{HTTP}{key} = 1\n")
    problems, _ = found_in(tmp_path, elsewhere)
    assert problems == [f"20: Group 'http-server' may not contain field '{key}'."]


@pytest.mark.parametrize("missing", ["certificate", "key", "both"])
@pytest.mark.parametrize("server", ["ssl-server", "smpp-tls"])
def test_which_of_two_files_is_missing(tmp_path: Path, missing: str, server: str) -> None:
    certificate, key = write_certificate(tmp_path)
    gone = [path for path, name in ((certificate, "certificate"), (key, "key")) if missing in (name, "both")]
    for path in gone:
        path.unlink()
    keys = f"{server}-cert-file = {certificate}\n{server}-key-file = {key}\n"
    ksmppd, http = (
        (KSMPPD + keys + "smpp-tls-port = 1\n", HTTP) if server == "smpp-tls" else (KSMPPD, HTTP + keys)
    )
    problems, _ = found_in(tmp_path, f"{ksmppd}\n{MYSQL}\n{BOX}\n{http}ssl = {int(http != HTTP)}\n")
    names = " and ".join(str(path) for path in gone)
    [problem] = problems
    assert problem.endswith(f": '{server}-cert-file': {names} do{'es' if len(gone) == 1 else ''}n't exist.")


AT_ONCE: dict[str, tuple[str, list[str]]] = {
    "a wrong key hides nothing else": (
        f"{KSMPPD}bogus = 1\nauth-method = 2\n\n{MYSQL.replace('demo', 'dmo')}\n{BOX}\n{HTTP}",
        [
            "4: Group 'ksmppd' may not contain field 'bogus'.",
            "5: Authentication by http needs the field 'auth-url'.",
            "3: There is no group 'mysql-connection' with the id 'demo'.",
        ],
    ),
    "a line without equals sign hides nothing else": (
        f"{KSMPPD}auth-url http://h/\nsmpp-port = 14010\nauth-method = 2\n\n{MYSQL}\n{BOX}\n{HTTP}",
        [
            "4: An equals sign ('=') is missing.",
            "20: 'port' 14010 is 'smpp-port' of group ksmppd, too.",
        ],
    ),
    "a required field without equals sign isn't missing as well": (
        f"{KSMPPD}\n{MYSQL.replace('host = h', 'host h')}\n{BOX}\n{HTTP.replace('port = 14010', 'port')}",
        ["7: An equals sign ('=') is missing.", "17: An equals sign ('=') is missing."],
    ),
    "nor is one that is mistyped, or wrong": (
        f"{KSMPPD}\n{MYSQL.replace('username', 'usrname')}\n{BOX}\n{HTTP.replace('14010', 'x')}",
        [
            "17: 'port': 'x' is not a whole number.",
            "8: Group 'mysql-connection' may not contain field 'usrname'. Did you mean 'username'?",
        ],
    ),
    "nor is a group whose name is mistyped": (
        f"{KSMPPD}\n{MYSQL.replace('mysql-', 'mysq-')}\n{BOX.replace('box-c', 'box_c')}\n"
        + HTTP.replace("http-", "htp-"),
        [
            "5: Group 'mysq-connection' is no valid group identifier. Did you mean 'mysql-connection'?",
            "12: Group 'bearerbox_connection' is no valid group identifier. Did you mean 'bearerbox-connection'?",
            "16: Group 'htp-server' is no valid group identifier. Did you mean 'http-server'?",
        ],
    ),
    "a wrong word has no consequences": (
        f"{KSMPPD.replace('mysql', 'mysl')}auth-method = htpp\nauth-url = http://h/\n\n{MYSQL}\n{BOX}\n{HTTP}",
        [
            "2: 'database-type': 'mysl' is none of mysql, pgsql, sqlite3.",
            "4: 'auth-method': 'htpp' is none of 1 or database, 2 or http, 4 or plugin.",
        ],
    ),
    "a file that can't be included may hold what is missing": (
        f"include = /nowhere\n\n{KSMPPD}smpp-prt = 1\n",
        [
            "1: Failed to include `/nowhere': No such file or directory",
            "6: Group 'ksmppd' may not contain field 'smpp-prt'. Did you mean 'smpp-port'?",
        ],
    ),
    "a wrong key of one group is no reason to keep quiet about another": (
        f"{KSMPPD}smpp-port = 14010\n\n{MYSQL}port = x\n\n{BOX}\n{HTTP}",
        [
            "19: 'port' 14010 is 'smpp-port' of group ksmppd, too.",
            "12: 'port': 'x' is not a whole number.",
        ],
    ),
    "a key of another group": (
        f"{KSMPPD}routing-method = 1\nssl = 1\n\n{MYSQL}\n{BOX}\n{HTTP}",
        [
            "4: Group 'ksmppd' may not contain field 'routing-method'. It belongs into group 'smpp-routing'.",
            "5: Group 'ksmppd' may not contain field 'ssl'.",
        ],
    ),
    "a mistyped key of a foreign group": (
        f"{KSMPPD}\n{MYSQL}\n{BOX}\n{HTTP}\ngroup = pgsql-connection\nuser-name = x\n",
        ["21: Group 'pgsql-connection' may not contain field 'user-name'. Did you mean 'username'?"],
    ),
}


def test_a_bearerbox_that_is_skipped_beside_a_wrong_port(tmp_path: Path) -> None:
    broken = BOX.replace("port = 13001", "port =")
    problems, warnings = found_in(tmp_path, f"{KSMPPD}\n{MYSQL}\n{broken}\n{HTTP.replace('14010', 'x')}")
    assert problems == [
        "17: 'port': 'x' is not a whole number.",
        "12: No valid 'bearerbox-connection' configuration specified, cannot continue.",
    ]
    assert warnings == [
        "12: Mandatory parameters missing for bearerbox ('host' and 'port'), the group is skipped."
    ]


def test_two_groups_without_a_blank_line_between_them(tmp_path: Path) -> None:
    problems, warnings = found_in(tmp_path, f"{MYSQL}\n{BOX}\n{HTTP}{KSMPPD}")
    assert (
        warnings[0]
        == f"15: 'group' replaces the value set at {tmp_path}/x.conf:12. Is a blank line missing between two groups?"
    )
    assert problems == [
        "13: Group 'ksmppd' may not contain field 'port'.",
        "14: Group 'ksmppd' may not contain field 'password'.",
        "1: No 'http-server' group configured, cannot continue.",
    ]


@pytest.mark.parametrize("case", AT_ONCE)
def test_all_problems_at_once_and_no_consequences(tmp_path: Path, case: str) -> None:
    text, expected = AT_ONCE[case]
    assert found_in(tmp_path, text)[0] == expected
