"""ksmppd-esme and the real daemon: everything that it can ask for, end to end, without Kannel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ksmppd_py.tools.esme import main
from tests.parts.certificate import write_certificate
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import Account, RouteRow, SqliteDatabase
from tests.parts.process import free_port

pytestmark = pytest.mark.integration
MESSAGE = ["--from", "12345", "--to", "+46701234567", "--text", "Hello"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with TLS and no bearerbox: messages of alice wait in the queue, those of simon are simulated."""
    directory = tmp_path_factory.mktemp("esme")
    certificate, key = write_certificate(directory)
    tls = {
        "smpp-tls-port": free_port(),
        "smpp-tls-cert-file": certificate,
        "smpp-tls-key-file": key,
    }
    config = DaemonConfig([("KSMPPD", free_port())], ksmppd=tls)
    with Daemon(directory, config, SqliteDatabase(directory / "db")) as daemon:
        daemon.add_accounts(
            Account("alice", "wonder", default_smsc="any"),
            Account("slow", "wonder", default_smsc="any", throughput=5.0),
            Account("simon", "wonder", simulate=1, simulate_deliver_every=1),
        )
        daemon.add_routes(RouteRow(1, "^46", "alice", "any"), RouteRow(1, "^46", "slow", "any"))
        yield daemon


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSMPP_PASSWORD", "wonder")


def esme(daemon: Daemon, command: str, *more: str, account: str = "alice") -> int:
    where = ["--port", str(daemon.smpp_port)] if "--port" not in more else []
    return main([command, "--host", "localhost", *where, "--system-id", account, "--wait", "10", *more])


def waiting(daemon: Daemon) -> list[tuple[object, ...]]:
    return daemon.database.execute(
        "SELECT receiver, msgdata, mclass, coding FROM smpp_store ORDER BY global_id"
    )


def test_send_query_cancel(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert esme(daemon, "send", *MESSAGE, "--validity", "2h", "--tlv", "user_message_reference=0x0007") == 0
    [message_id] = re.findall(r"submit_sm_resp #2: ok, message_id (\S+)", capsys.readouterr().out)
    assert esme(daemon, "query", "--from", "12345", "--id", message_id) == 0
    assert f"query_sm_resp #2: ok, message_id {message_id}, ENROUTE\n" in capsys.readouterr().out
    assert len(waiting(daemon)) == 1
    assert esme(daemon, "cancel", "--from", "12345", "--id", message_id) == 0
    assert waiting(daemon) == []
    assert esme(daemon, "query", "--from", "12345", "--id", message_id) == 0
    assert f"query_sm_resp #2: ok, message_id {message_id}, DELETED, final since " in capsys.readouterr().out
    assert esme(daemon, "query", "--from", "12345", "--id", "nobody-s") == 1
    assert "refused the question: ESME_RQUERYFAIL (0x67" in capsys.readouterr().err


def test_flash_and_several_receivers(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert esme(daemon, "send", *MESSAGE, "--flash") == 0
    assert esme(daemon, "send", *MESSAGE, "--to", "+46702222222") == 0
    assert esme(daemon, "send", *MESSAGE, "--to", "+1555") == 0  # by the account's default_smsc
    rows = waiting(daemon)
    assert [(bytes(receiver), mclass) for receiver, _, mclass, _ in rows] == [  # type: ignore[call-overload]
        (b"+46701234567", 0),
        (b"+46701234567", -1),
        (b"+46702222222", -1),
        (b"+46701234567", -1),
        (b"+1555", -1),
    ]
    assert esme(daemon, "cancel", "--from", "12345", "--to", "+46701234567") == 0
    assert {bytes(row[0]) for row in waiting(daemon)} == {b"+46702222222", b"+1555"}  # type: ignore[call-overload]
    daemon.database.execute("DELETE FROM smpp_store")


def test_many_and_their_reports(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        esme(daemon, "send", *MESSAGE, "--count", "200", "--window", "20", "--receipt", account="simon") == 0
    )
    out, err = capsys.readouterr()
    assert re.match(r"200 of 200 sent, 200 answered in ", out)
    assert out.endswith("final delivery reports: 200 DELIVRD\n")
    assert err == ""


def test_many_that_are_throttled(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert esme(daemon, "send", *MESSAGE, "--count", "50", "--json", account="slow") == 1
    summary = json.loads(capsys.readouterr().out)["summary"]
    counts = {each["status_name"]: each["count"] for each in summary["statuses"]}
    assert sum(counts.values()) == 50
    assert set(counts) == {"ok", "ESME_RTHROTTLED"}
    daemon.database.execute("DELETE FROM smpp_store")


def test_tls(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(daemon.config.ksmppd["smpp-tls-port"])
    ca = str(daemon.directory / "certificate.pem")
    more = ["--port", port, "--tls", "--tls-ca", ca, "--receipt", "--hex"]
    assert esme(daemon, "send", *MESSAGE, *more, account="simon") == 0
    out = capsys.readouterr().out
    assert "stat DELIVRD" in out
    assert b"wonder".hex() not in out
    assert esme(daemon, "send", *MESSAGE, "--port", port, "--tls", account="simon") == 1
    assert "isn't trusted" in capsys.readouterr().err


def test_a_wrong_password(daemon: Daemon, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    assert esme(daemon, "listen", "--password-file", str(tmp_path / "secret")) == 1
    assert 'refused the bind of "alice": ESME_RBINDFAIL' in capsys.readouterr().err
