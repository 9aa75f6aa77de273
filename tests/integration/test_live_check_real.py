"""`--test --live` beside a running daemon, with a real bearerbox and MariaDB: it reports all, and disturbs neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.bed import BOX_ID
from tests.parts.daemon import Daemon, DaemonConfig, run_once
from tests.parts.database import MariaDatabase, RouteRow, insert_route
from tests.parts.kannel import Bearerbox
from tests.parts.process import free_port

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox, pytest.mark.database]


def test_beside_a_running_daemon(tmp_path: Path, mariadb_factory: Callable[[], MariaDatabase]) -> None:
    closed = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "FAKE", "port": closed, "connect-allow-ip": "127.0.0.1"})
    strict = Bearerbox(tmp_path, "strict", [smsc], core={"box-allow-ip": "10.0.0.1"})
    friendly = Bearerbox(tmp_path, "friendly", [("smsc", {**smsc[1], "port": free_port()})])
    database = mariadb_factory()
    config = DaemonConfig([(BOX_ID, friendly.box_port)])
    with friendly, Daemon(tmp_path, config, database) as daemon:
        friendly.wait_for_box(BOX_ID)
        code, output = run_once(["--test", "--live", str(daemon.config_path)], tmp_path)
        lines = output.splitlines()
        assert code == 0, output
        assert lines[0].startswith(f"ok      database {database.name} at 127.0.0.1:")
        assert "MariaDB" in lines[0]
        assert [line.split(":")[0] for line in lines[1:]] == [
            *(
                f"ok      table {name}"
                for name in ("smpp_user", "smpp_route", "smpp_store", "smpp_queued_pdu", "smpp_version")
            ),
            "ok      routes",
            "ok      bearerbox 127.0.0.1",
        ]
        assert friendly.status().count_boxes(BOX_ID) == 1
        assert daemon.admin("/readyz").status == 200

        insert_route(database, RouteRow(1, "^(46", "alice", "FAKE"))
        text = daemon.config_path.read_text()
        other = tmp_path / "other.conf"
        other.write_text(
            text + f"\ngroup = bearerbox-connection\nhost = 127.0.0.1\nport = {strict.box_port}\n"
        )
        with strict:
            code, output = run_once(["--test", "--live", str(other)], tmp_path, "other")
        assert code == 1
        failed = [line for line in output.splitlines() if line.startswith("FAILED")]
        assert failed[0].startswith("FAILED  route 1: the expression can't be used: missing )")
        assert failed[1] == (
            f"FAILED  bearerbox 127.0.0.1:{strict.box_port}: closes the connection at once: its box-deny-ip and "
            "box-allow-ip may keep us out"
        )
        assert len(failed) == 2
