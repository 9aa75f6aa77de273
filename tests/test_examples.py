"""Every example file is one that its program accepts, and says what its folder promises."""

from __future__ import annotations

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
