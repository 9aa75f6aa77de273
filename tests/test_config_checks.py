"""Checks across keys and of files that a configuration names: all errors that would end the start are found before."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ksmppd_py import logs
from ksmppd_py.config import Config, ConfigProblems, load
from ksmppd_py.esme.settings import server_id
from tests.parts.certificate import write_certificate

REST = """

group = mysql-connection
id = demo
host = h
username = u
password = p
database = d

group = bearerbox-connection
id = BOX
host = localhost
port = 13001

group = http-server
port = 14010
password = p
"""


def read(directory: Path, ksmppd: str = "", others: str = "", rest: str = REST) -> Config:
    path = directory / "x.conf"
    text = f"group = ksmppd\ndatabase-type = mysql\ndatabase-config = demo\n{ksmppd}{rest}\n{others}"
    path.write_bytes(text.encode("latin-1"))
    return load(str(path))


def problems_of(directory: Path, ksmppd: str = "", others: str = "", rest: str = REST) -> list[str]:
    """Return the complaints without file and line; assert that each names an existing line."""
    with pytest.raises(ConfigProblems) as caught:
        read(directory, ksmppd, others, rest)
    lines = (directory / "x.conf").read_bytes().count(b"\n") + 1
    texts = []
    for problem in caught.value.problems:
        line, _, text = problem.removeprefix(f"{directory}/x.conf:").partition(": ")
        assert 1 <= int(line) <= lines
        texts.append(text)
    return texts


@pytest.mark.parametrize(
    "host", ["localhost", "10.0.0.1", "::1", "127.1", "box_1.example.com", "b\xfccher.de"]
)
def test_hosts(tmp_path: Path, host: str) -> None:
    host_in_file = host.encode().decode("latin-1")
    config = read(tmp_path, f"interface = {host_in_file}", rest=REST.replace("localhost", host_in_file))
    assert (config.ksmppd.interface, config.bearerboxes[0].host) == (host, host)


@pytest.mark.parametrize(
    "host", ["300.1.1.1", "a..b", "a b", "h:80", "10.0.0.0/8", "http://h", "h\xe9", "x" * 64]
)
def test_what_is_no_host(tmp_path: Path, host: str) -> None:
    shown = ascii(host) if "\xe9" not in host else "'h\\udce9'"
    text = f"{shown} is neither an IP address nor the name of a host."
    rest = REST.replace("localhost", host).replace("host = h\n", f"host = {host}\n")
    rest += f"interface = {host}\n"
    assert sorted(problems_of(tmp_path, f"interface = {host}", rest=rest)) == [
        f"'host': {text}",
        f"'host': {text}",
        f"'interface': {text}",
        f"'interface': {text}",
    ]


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("*", ""),
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("[::]", "::"),
        ("[::1]", "::1"),
        ("fe80::1%lo", "fe80::1%lo"),
    ],
)
def test_interfaces(tmp_path: Path, address: str, interface: str) -> None:
    config = read(tmp_path, f"interface = {address}", rest=REST + f"interface = {address}\n")
    assert (config.ksmppd.interface, config.http_server.interface) == (interface, interface)


@pytest.mark.parametrize(
    ("written", "host"), [("::1", "::1"), ("[::1]", "::1"), ("[2001:DB8::1]", "2001:DB8::1")]
)
def test_ipv6_hosts(tmp_path: Path, written: str, host: str) -> None:
    rest = REST.replace("host = localhost", f"host = {written}").replace("host = h\n", f"host = {written}\n")
    config = read(tmp_path, rest=rest)
    assert config.bearerboxes[0].host == host
    assert f"host='{host}'" in repr(config.database)
    assert config.bearerboxes[0].name.endswith(f"@[{host}]:13001")


@pytest.mark.parametrize(
    "patterns",
    ["::1", "10.0.0.1;2001:db8::/32", "2001:db8:*", "10.0.*.*, fe80::1", "::ffff:10.0.0.1", "192.168.1.1*"],
)
def test_address_patterns(tmp_path: Path, patterns: str) -> None:
    config = read(tmp_path, f"ip-blocklist-exempt-ips = {patterns}\n")
    assert len(config.ksmppd.ip_blocklist_exempt_ips) == patterns.count(";") + patterns.count(",") + 1
    assert "matches nobody" not in " ".join(map(str, config.warnings))


NO_URL = "the URL must start with http:// or https:// and name a host."


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost/auth.php", NO_URL),
        ("ftp://s3cret@h/", NO_URL),
        ("http:///x", NO_URL),
        ("http://u:s3cret@h:99999/", "this is no URL that can be asked."),
        ("http://u:s3cret@[::1/", "this is no URL that can be asked."),
        ("http://h/\xe9?s3cret", "the URL has octets that are no UTF-8, write them as %XX."),
        ("http://u:s3cret@a..b/", "'a..b' is neither an IP address nor the name of a host."),
    ],
)
def test_what_is_no_url(tmp_path: Path, url: str, reason: str) -> None:
    routing = f"group = smpp-routing\nrouting-method = 2\nhttp-routing-url = {url}\n"
    assert problems_of(tmp_path, f"auth-method = 2\nauth-url = {url}", routing) == [
        f"'auth-url': {reason}",
        f"'http-routing-url': {reason}",
    ]
    read(
        tmp_path, f"auth-method = 1\nauth-url = {url}", routing.replace("method = 2", "method = 1")
    )  # as before


def test_octets_that_are_no_utf8(tmp_path: Path) -> None:
    config = read(tmp_path, "id = \xe9\xe8", rest=REST.replace("password = p", "password = \xe9"))
    assert server_id(config.ksmppd) == b"\xe9\xe8"
    tlv = "group = smpp-tlv\nname = \xe9\ntag = 1\ntype = integer\nlength = 4"
    assert problems_of(tmp_path, "", tlv, REST.replace("BOX", "\xe9")) == [
        "'id': '\\udce9' has octets that are no UTF-8.",
        "'name': '\\udce9' has octets that are no UTF-8.",
    ]


PORTS = [
    ("smpp-port = 14010", "", ["'port' 14010 is 'smpp-port' of group ksmppd, too."]),
    ("smpp-port = 14010\ninterface = 10.0.0.1", "", ["'port' 14010 is 'smpp-port' of group ksmppd, too."]),
    (
        "smpp-port = 14010\ninterface = 10.0.0.1",
        "interface = 10.0.0.1",
        ["'port' 14010 is 'smpp-port' of group ksmppd, too."],
    ),
    ("", "port = 2345", ["'port' 2345 is 'smpp-port' of group ksmppd, too."]),
    ("smpp-tls-port = 14010", "", ["'port' 14010 is 'smpp-tls-port' of group ksmppd, too."]),
    ("smpp-tls-port = 2345", "", ["'smpp-tls-port' 2345 is 'smpp-port', too."]),
    (
        "smpp-port = 14010\ninterface = 0.0.0.0",
        "interface = 10.0.0.1",
        ["'port' 14010 is 'smpp-port' of group ksmppd, too."],
    ),
    (
        "smpp-port = 14010\ninterface = ::",
        "interface = 10.0.0.1",
        ["'port' 14010 is 'smpp-port' of group ksmppd, too."],
    ),
    ("smpp-tls-only = yes", "", ["'smpp-tls-only' needs a port, 'smpp-tls-port'."]),
]


@pytest.mark.parametrize(("ksmppd", "http", "expected"), PORTS)
def test_one_port_twice(tmp_path: Path, ksmppd: str, http: str, expected: list[str]) -> None:
    certificate, key = write_certificate(tmp_path)
    files = f"smpp-tls-cert-file = {certificate}\nsmpp-tls-key-file = {key}\n"
    assert problems_of(tmp_path, files + ksmppd, rest=REST + http) == expected


def test_one_port_on_two_addresses_and_any_free_ports(tmp_path: Path) -> None:
    for port, ksmppd, rest in (
        (14010, "interface = 10.0.0.1", REST + "interface = 10.0.0.2"),
        (14010, "interface = 0.0.0.0", REST + "interface = ::1"),
        (0, "", REST.replace("14010", "0")),
    ):
        config = read(tmp_path, f"smpp-port = {port}\n{ksmppd}", rest=rest)
        assert (config.ksmppd.smpp_port, config.http_server.port) == (port, port)


def test_tls_only(tmp_path: Path) -> None:
    """The plain port isn't opened, so its number is free."""
    certificate, key = write_certificate(tmp_path)
    files = f"smpp-tls-cert-file = {certificate}\nsmpp-tls-key-file = {key}\n"
    config = read(tmp_path, files + "smpp-tls-port = 2345\nsmpp-tls-only = yes")
    assert (config.ksmppd.smpp_port, config.ksmppd.smpp_tls_port, config.ksmppd.smpp_tls_only) == (
        2345,
        2345,
        True,
    )


def test_certificates_of_the_smpp_port(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "smpp-tls-port = 1") == [
        "'smpp-tls-port' needs a certificate, 'smpp-tls-cert-file'."
    ]
    missing = "smpp-tls-port = 1\nsmpp-tls-cert-file = /nowhere/c.pem\nsmpp-tls-ca-file = /nowhere/ca.pem"
    assert problems_of(tmp_path, missing) == [
        "'smpp-tls-cert-file': /nowhere/c.pem doesn't exist.",
        "'smpp-tls-ca-file': /nowhere/ca.pem doesn't exist.",
    ]
    read(tmp_path, missing.replace("port = 1", "port = 0"))


def test_authorities_of_https_servers(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    files = f"auth-ssl-trusted-ca-file = {tmp_path}/empty.pem\nauth-url = https://h\nauth-method = "
    routing = (
        "group = smpp-routing\nhttp-routing-url = https://h\n"
        "http-routing-ssl-trusted-ca-file = /nowhere/ca.pem\nrouting-method = "
    )
    found = problems_of(tmp_path, files + "2", routing + "2")
    assert found[0].startswith(
        f"'auth-ssl-trusted-ca-file': can't read CA certificates from {tmp_path}/empty.pem ("
    )
    assert found[1:] == ["'http-routing-ssl-trusted-ca-file': /nowhere/ca.pem doesn't exist."]
    read(tmp_path, files + "1", routing + "1")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("{0}/none.py", "can't read {0}/none.py (No such file or directory)."),
        ("{0}/broken.py", "{0}/broken.py:2 is no Python ("),
        ("{0}/nul.py", "{0}/nul.py"),
        ("no_such_module", "there is no Python module no_such_module."),
        ("no_such_package.inner", "there is no Python module no_such_package.inner (ModuleNotFoundError: "),
    ],
)
def test_plugins_that_cannot_be_imported(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "broken.py").write_text("def init(context):\n    return (\n")
    (tmp_path / "nul.py").write_text("x = 1\0\n")
    plugin = f"group = ksmppd-plugin\nid = p\npath = {path.format(tmp_path)}\n"
    routing = "\ngroup = smpp-routing\nrouting-method = 4\nplugin-id = p"
    found = problems_of(tmp_path, "auth-method = 4\nauth-plugin-id = p", plugin + routing)
    assert len(found) == 1
    assert found[0].startswith(f"'path': {reason.format(tmp_path)}")


def test_sqlite_files(tmp_path: Path) -> None:
    group = "group = sqlite3-connection\nid = demo\ndatabase = {}\n"
    sqlite = "database-type = sqlite3"
    assert problems_of(tmp_path, sqlite, group.format("/nowhere/x.db")) == [
        "'database': there is no directory /nowhere."
    ]
    assert problems_of(tmp_path, sqlite, group.format(tmp_path)) == [
        f"'database': {tmp_path} is a directory."
    ]
    read(tmp_path, sqlite, group.format(tmp_path / "new.db"))


def test_what_has_no_effect_is_told(tmp_path: Path) -> None:
    ksmppd = "auth-url = http://h/a\nauth-plugin-id = p"
    routing = "group = smpp-routing\nrouting-method = 1\nhttp-routing-url = http://h/r\nplugin-id ="
    warnings = [warning.split(": ", 1)[1] for warning in read(tmp_path, ksmppd, routing).warnings]
    assert [warning for warning in warnings if "replaces" not in warning] == [
        "'plugin-id' is empty, it counts as absent.",
        "'auth-url' has no effect: 'auth-method' is 1 (database).",
        "'auth-plugin-id' has no effect: 'auth-method' is 1 (database).",
        "'http-routing-url' has no effect: 'routing-method' is 1 (database).",
    ]


def test_a_problem_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(b"group = ksmppd\rsmpp-port = 1\r")
    with pytest.raises(ConfigProblems) as caught:
        load(str(path))
    assert f"{path}:1: Group 'ksmppd\\rsmpp-port = 1' is no valid group identifier." in caught.value.problems


def strange(path: Path, kind: str) -> str:
    """Put something that is no file in place of `path`; how problems call it."""
    if kind == "FIFO":
        os.mkfifo(path)
        return "a FIFO"
    if kind == "device":
        path.symlink_to("/dev/zero")
        return "a device"
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        return "a socket"
    path.mkdir()
    return "a directory"


KINDS = ("FIFO", "device", "socket", "directory")


FINE = {
    ("device", "log-file"),
    ("device", "access-log"),
    ("directory", "log-file"),  # a warning
    ("directory", "access-log"),
    ("directory", "smpp-tls-ca-file"),
    ("directory", "auth-ssl-trusted-ca-file"),
}
FILE_KEYS = (
    ("log-file", "log-file = {}", ""),
    ("access-log", "access-log = {}", ""),
    ("smpp-tls-cert-file", "smpp-tls-port = 1\nsmpp-tls-cert-file = {}", ""),
    ("smpp-tls-cert-file", "smpp-tls-port = 1\nsmpp-tls-cert-file = {0}\nsmpp-tls-key-file = {0}", ""),
    ("smpp-tls-ca-file", "smpp-tls-port = 1\nsmpp-tls-cert-file = x.pem\nsmpp-tls-ca-file = {}", ""),
    ("auth-ssl-trusted-ca-file", "auth-method=2\nauth-url=http://h/\nauth-ssl-trusted-ca-file = {}", ""),
    ("path", "auth-method=4\nauth-plugin-id=p", "group = ksmppd-plugin\nid = p\npath = {}"),
    ("database", "database-type = sqlite3", "group = sqlite3-connection\nid = demo\ndatabase = {}"),
)
NO_FILES = [(kind, *keys) for keys in FILE_KEYS for kind in KINDS if (kind, keys[0]) not in FINE]


@pytest.mark.parametrize(("kind", "key", "ksmppd", "others"), NO_FILES)
def test_what_is_no_file_is_told_and_never_opened(
    tmp_path: Path, kind: str, key: str, ksmppd: str, others: str
) -> None:
    path = tmp_path / "strange.py"
    name = strange(path, kind)
    found = problems_of(tmp_path, ksmppd.format(path), others.format(path))
    of_key = [text for text in found if text.startswith(f"'{key}': ")]
    assert len(of_key) == 1
    assert str(path) in of_key[0]
    if not (key == "path" or kind == "socket"):
        assert f"{path} is {name}" in of_key[0]


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        *((kind, "main") for kind in KINDS),
        *((kind, where) for kind in KINDS[:3] for where in ("included", "in a directory")),
    ],
)
def test_a_configuration_that_is_no_file(tmp_path: Path, kind: str, where: str) -> None:
    main, part = tmp_path / "x.conf", tmp_path / "parts" / "1.conf"
    part.parent.mkdir()
    name = strange(main if where == "main" else part, kind)
    if where != "main":
        main.write_text(f"\ninclude = {part if where == 'included' else part.parent}\n")
    with pytest.raises(ConfigProblems) as caught:
        load(str(main))
    expected = "No such device or address" if kind == "socket" else f"it is {name}, not a file"
    place = f"{main}: cannot read it: " if where == "main" else f"{main}:2: cannot read `{part}': "
    assert caught.value.problems[0] == place + expected


@pytest.mark.parametrize("kind", ["FIFO", "FIFO with a reader", "socket", "directory"])
def test_a_log_file_that_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    strange(path, kind.partition(" ")[0])
    reader = os.open(path if "reader" in kind else "/dev/null", os.O_RDONLY | os.O_NONBLOCK)
    with open(reader), pytest.raises(OSError, match=r"FIFO|No such device|Is a directory"):
        logs.LogHandler(logs.NOTHING).add_file(str(path), 0)


def test_standard_output_as_a_log() -> None:
    """A log file that is a pipe of the process itself, as containers have it."""
    program = """
from ksmppd_py import logs
from ksmppd_py.config.files import log_kind_problem
assert log_kind_problem("/dev/stdout") == ""
logs.set_up(5)
logs.add_file("/dev/stdout", 0)
import logging
logging.warning("a line")
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.endswith("WARNING: a line\n")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o640), (0, 0o640), (0o027, 0o640), (0o077, 0o600)])
def test_others_cant_read_a_new_log(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        os.close(logs.open_file(str(tmp_path / "log")))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == mode
    (tmp_path / "log").chmod(0o644)
    os.close(logs.open_file(str(tmp_path / "log")))
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o644  # an operator's choice


USER = "group = http-user\nusername = ann\npassword = secret\nrole = viewer\n"
BCRYPT = "$2y$10$" + "a" * 53
NO_HASH = "'password' begins as a bcrypt hash does, but is none"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            USER + USER.replace("ann", "admin"),
            "'username' admin is the user of 'password' in group http-server.",
        ),
        (
            USER.replace("ann", "a:b"),
            "'username': 'a:b' must be up to 64 printable characters without a colon.",
        ),
        (USER.replace("viewer", "boss"), "'role': 'boss' is none of admin, operator, viewer."),
        (
            USER.replace("secret", BCRYPT[:-1]),
            "'password' begins as a bcrypt hash does, but is none (59 characters).",
        ),
        (
            USER.replace("secret", BCRYPT.replace("10", "16")),
            "'password' begins as a bcrypt hash does, but is none (60 characters).",
        ),
    ],
)
def test_wrong_http_users(tmp_path: Path, lines: str, reason: str) -> None:
    assert problems_of(tmp_path, rest=f"{REST}\n{lines.replace('group', chr(10) + 'group')}") == [reason]


def test_http_users(tmp_path: Path) -> None:
    more = USER.replace("ann", "ben").replace("secret", BCRYPT) + "allow-ip = 10.0.*.*;192.168.0.0/16\n"
    config = read(tmp_path, rest=f"{REST}\n{USER}\n{more}")
    assert [user.username for user in config.http_users] == ["ann", "ben"]
    assert config.http_users[1].allow_ip == ("10.0.*.*", "192.168.0.0/16")
    assert "secret" not in repr(config)


def test_one_username_twice(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, rest=f"{REST}\n{USER}\n{USER}")
    assert problem.startswith("The username 'ann' is taken by the group at ")
