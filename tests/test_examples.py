"""Every example file is one that its program accepts, and says what its folder promises."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from kannel_conf import Findings, read_groups
from ksmppd_py.config import Method, MysqlConnection, load

HERE = Path(__file__).parent.parent
EXAMPLES = HERE / "examples" / "configurations"
LAYOUTS = ["database-only", "http-auth-database-routing", "http-only", "tests"]
OURS = [HERE / "ksmppd.conf", *(EXAMPLES / layout / "ksmppd.conf" for layout in LAYOUTS)]
KANNELS = [
    *(EXAMPLES / layout / "bearerbox.conf" for layout in LAYOUTS[:3]),
    EXAMPLES / "tests" / "kannel.conf",
]
TEST_CFG = Path("/usr/lib/kannel/test/test_cfg")


def name_of(path: Path) -> str:
    return path.parent.name + "/" + path.name


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/ksmppd*.conf")), ids=name_of)
def test_whatever_lies_there_loads(path: Path) -> None:
    assert load(str(path)).file == str(path)


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_ours_load_without_a_warning(path: Path) -> None:
    config = load(str(path))
    assert config.warnings == ()
    ksmppd, database = config.ksmppd, config.database
    assert (ksmppd.id, ksmppd.smpp_port, ksmppd.log_file, ksmppd.log_level) == (
        "KANNELSMPP",
        2345,
        "/tmp/ksmppd.log",
        0,
    )
    assert ksmppd.database_enable_queue
    assert (ksmppd.inbound_queue_threads, ksmppd.outbound_queue_threads) == (4, 4)
    assert isinstance(database, MysqlConnection)
    assert (database.id, database.host, database.max_connections) == ("demo", "localhost", 5)
    in_tests = path.parent.name == "tests"
    assert (database.username, database.password, database.database) == (
        ("ksmppduser", "ksmppdpass", "ksmppd") if in_tests else ("demouser", "demopass", "kannel_smpp_demo")
    )
    assert [(box.id, box.host, box.port) for box in config.bearerboxes] == [
        ("KSMPPD", "localhost", 13001 if in_tests else 14001)
    ]
    assert (config.http_server.port, config.http_server.password) == (14010, "ksmppdpass")
    assert "# switch-dlr-addr = true\n" in path.read_text()


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_methods(path: Path) -> None:
    config = load(str(path))
    http_auth = path.parent.name in {"http-auth-database-routing", "http-only"}
    assert config.ksmppd.auth_method is (Method.HTTP if http_auth else Method.DATABASE)
    assert config.ksmppd.auth_url == ("http://localhost/smpp-auth.php" if http_auth else "")
    http_routing = path.parent.name == "http-only"
    assert config.routing.routing_method is (Method.HTTP if http_routing else Method.DATABASE)
    assert config.routing.http_routing_url == ("http://localhost/smpp-route.php" if http_routing else "")


@pytest.mark.parametrize("path", KANNELS, ids=name_of)
def test_kannels_links_lead_to_our_port(path: Path) -> None:
    findings = Findings()
    groups = read_groups(str(path), findings)
    findings.raise_first()
    links = [group.texts() for group in groups if group.texts().get("smsc") == "smpp"]
    assert {link.get("port") or link["receive-port"] for link in links} == {"2345"}
    assert all(link["smsc-id"] == link["allowed-smsc-id"] for link in links)
    assert len(links) == (2 if path.name == "kannel.conf" else 10)


@pytest.mark.integration
@pytest.mark.parametrize("path", KANNELS, ids=name_of)
def test_kannel_reads_its_files(path: Path) -> None:
    if not TEST_CFG.exists():
        pytest.fail(f"{TEST_CFG} is missing, install the package kannel-extras")
    done = subprocess.run([TEST_CFG, path], capture_output=True, check=False, timeout=10)
    assert b"cfg_read returned 0" in done.stderr


KSMPPD = {
    "group": "ksmppd",
    "log-file": "/tmp/ksmppd.log",
    "log-level": "0",
    "smpp-port": "2345",
    "database-type": "mysql",
    "database-config": "demo",
    "database-enable-queue": "1",
    "id": "KANNELSMPP",
    "inbound-queue-threads": "4",
    "outbound-queue-threads": "4",
}
BY_TABLE = {"auth-method": "1"}
BY_HTTP = {"auth-method": "2", "auth-url": "http://localhost/smpp-auth.php"}
MYSQL = {
    "group": "mysql-connection",
    "id": "demo",
    "host": "localhost",
    "username": "demouser",
    "password": "demopass",
    "database": "kannel_smpp_demo",
    "max-connections": "5",
}
BOX = {"group": "bearerbox-connection", "id": "KSMPPD", "host": "localhost", "port": "14001"}
ADMINISTRATION = {"group": "http-server", "port": "14010", "password": "ksmppdpass"}
ROUTED_BY_TABLE = {"group": "smpp-routing", "routing-method": "1"}
ROUTED_BY_HTTP = {
    "group": "smpp-routing",
    "routing-method": "2",  # the C project has 1 here, although its comment says HTTP
    "http-routing-url": "http://localhost/smpp-route.php",
    "http-num-callers": "1",
    "http-max-outstanding-requests": "512",
}
REST = [MYSQL, BOX, ADMINISTRATION]
IN_TESTS = [
    {**MYSQL, "username": "ksmppduser", "password": "ksmppdpass", "database": "ksmppd"},
    {**BOX, "port": "13001"},
    ADMINISTRATION,
]


def link(number: int, letter: str, port: str, **more: str) -> dict[str, str]:
    return {
        "group": "smsc",
        "smsc": "smpp",
        "smsc-id": f"ksmppd{number}",
        "allowed-smsc-id": f"ksmppd{number}",
        port: "2345",
        "host": "localhost",
        "system-type": "SMPP",
        "smsc-username": f"smppuser{letter}",
        "smsc-password": f"user{letter}",
        **more,
    }


def loop(letter: str) -> dict[str, str]:
    return {
        "group": "smsc",
        "smsc": "smpp",
        "smsc-id": f"ksmppd-loop-{letter.lower()}",
        "allowed-smsc-id": f"ksmppd-loop-{letter.lower()}",
        "port": "2345",
        "host": "localhost",
        "system-type": "VMA",
        "smsc-username": f"smppuser{letter}",
        "smsc-password": f"smppass{letter}",
    }


CORE = {"group": "core", "admin-password": "bar", "box-deny-ip": "*.*.*.*", "box-allow-ip": "127.0.0.1"}
SMSBOX = {"group": "smsbox", "bearerbox-host": "127.0.0.1"}
SENDSMS = {"group": "sendsms-user", "username": "tester", "password": "foobar"}
BEARERBOX = [
    {**CORE, "admin-port": "14000", "smsbox-port": "14001", "log-file": "/tmp/kannel.log", "log-level": "0"},
    {"group": "smsbox-route", "smsbox-id": "KSMPPD", "smsc-id": "ksmppd3"},
    *[link(1, "A", "port", throughput="11"), link(1, "A", "receive-port")] * 2,
    *[link(2, "B", "port"), link(2, "B", "receive-port")] * 2,
    *[link(3, "C", "port"), link(3, "C", "receive-port")],
    {**SMSBOX, "sendsms-port": "14013", "global-sender": "14013"},
    {**SENDSMS, "concatenation": "yes", "max-messages": "8"},
    {
        "group": "sms-service",
        "keyword": "default",
        "exec": "echo Got message > /tmp/msgs.txt",
        "catch-all": "yes",
        "omit-empty": "yes",
    },
]
KANNEL = [
    {**CORE, "admin-port": "13000", "smsbox-port": "13001"},
    {"group": "smsc", "smsc": "fake", "smsc-id": "FAKE", "port": "40000", "connect-allow-ip": "127.0.0.1"},
    loop("A"),
    loop("B"),
    {**SMSBOX, "sendsms-port": "13013", "global-sender": "13013"},
    SENDSMS,
]
LAYOUT: dict[str, list[dict[str, str]]] = {
    "ksmppd.conf": [KSMPPD, *REST, ROUTED_BY_TABLE],
    "database-only/ksmppd.conf": [KSMPPD | BY_TABLE, *REST, ROUTED_BY_TABLE],
    "http-auth-database-routing/ksmppd.conf": [KSMPPD | BY_HTTP, *REST, ROUTED_BY_TABLE],
    "http-only/ksmppd.conf": [KSMPPD | BY_HTTP, *REST, ROUTED_BY_HTTP],
    "tests/ksmppd.conf": [KSMPPD | BY_TABLE, *IN_TESTS, ROUTED_BY_TABLE],
    **{f"{layout}/bearerbox.conf": BEARERBOX for layout in LAYOUTS[:3]},
    "tests/kannel.conf": KANNEL,
}


def ordered(groups: list[dict[str, str]]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(group.items()) for group in groups)


@pytest.mark.parametrize("name", LAYOUT)
def test_groups_keys_and_values_are_those_of_the_c_project(name: str) -> None:
    findings = Findings()
    path = EXAMPLES / name if "/" in name else HERE / name
    groups = [group.texts() for group in read_groups(str(path), findings)]
    findings.raise_first()
    assert ordered(groups) == ordered(LAYOUT[name])


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_comments_tell_what_production_wants(path: Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = " ".join(comment.lstrip("# ") for comment in comments)
    for advice in (
        "In production /var/log/ksmppd/ksmppd.log",
        "In production 1:",
        "In production choose another password",
        "In production choose another one, and let only this machine reach the port: interface = 127.0.0.1",
    ):
        assert advice in text


def test_sample_accounts_are_those_of_the_c_project() -> None:
    sql = (HERE / "database-schemas/mysql/users.sql").read_text()
    rows = re.findall(r"\('(smppuser.)', .*?'(user.)'.*?\)\)\)\)\), (.*?)\)[,;]", sql)
    assert rows == [
        ("smppuserA", "userA", "11, 'ksmppd2', 0, 1, 0, 0, 0, 0, 0, 0, 0"),
        ("smppuserB", "userB", "0, NULL, 0, 0, 0, 1, 1, 0, 0, 0, 2"),
        ("smppuserC", "userC", "0, NULL, 0, 0, 0, 1, 1, 0, 0, 2, 0"),
    ]


def test_quickstart_reaches_nobody_else() -> None:
    config = load(str(EXAMPLES / "quickstart/ksmppd.conf"))
    assert (config.ksmppd.interface, config.http_server.interface) == ("127.0.0.1", "127.0.0.1")
    assert (config.ksmppd.log_level, config.warnings) == (1, ())
