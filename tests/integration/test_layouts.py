"""The shipped example with everything in the database, in a loop through the real Kannel (as the C project ships them).

sendsms -> bearerbox -> link ksmppd1 -> the daemon as smppuserA -> bearerbox -> link ksmppd2 -> the daemon as the
simulated smppuserB -> receipt -> bearerbox -> the daemon -> smppuserA's link -> bearerbox -> dlr-url.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.parts.daemon import KSMPPD as PROGRAM
from tests.parts.daemon import environment, run_once
from tests.parts.database import Account, MariaDatabase, RouteRow, insert_account, insert_route
from tests.parts.examples import EXAMPLES, Rewriter
from tests.parts.http import HttpSink, request
from tests.parts.kannel import BEARERBOX, SMSBOX
from tests.parts.mariadb import MariaDB
from tests.parts.process import Process, accepts, require_program
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox, pytest.mark.database]


@pytest.fixture
def database(mariadb: MariaDB) -> MariaDatabase:
    name = mariadb.create_database("latin1")
    mariadb.create_user("demouser", "demopass", name)
    return MariaDatabase(mariadb.host, mariadb.port, "demouser", "demopass", name)


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    sink = HttpSink()
    yield sink
    sink.close()


@pytest.mark.parametrize(
    "name", ["database-only", "http-auth-database-routing", "http-only", "postgresql", "quickstart", "tests"]
)
def test_every_example_passes_the_configuration_test(tmp_path: Path, name: str) -> None:
    code, output = run_once(["--test", str(EXAMPLES / name / "ksmppd.conf")], tmp_path)
    assert code == 0, output


def test_database_only_in_a_loop(tmp_path: Path, database: MariaDatabase, sink: HttpSink) -> None:
    rewriter = Rewriter(tmp_path, database)
    ksmppd_conf = rewriter.rewrite(EXAMPLES / "database-only" / "ksmppd.conf")
    kannel_conf = rewriter.rewrite(EXAMPLES / "database-only" / "bearerbox.conf")
    programs: list[Process] = []

    def start(name: str, argv: list[str], environment: Mapping[str, str] | None = None) -> Process:
        programs.append(Process(argv, tmp_path, name, environment=environment))
        return programs[-1]

    def status() -> str:
        return request(rewriter.port("14000"), "/status", password="bar").body

    try:
        require_program(BEARERBOX, "kannel")
        ksmppd = start("ksmppd", [str(PROGRAM), str(ksmppd_conf)], environment())
        admin = rewriter.port("14010")
        wait_until(lambda: accepts(admin) and accepts(rewriter.port("2345")), ksmppd.tail, 20)
        for account in (
            Account("smppuserA", "userA", 11, "ksmppd2", enable_prepaid_billing=1, credit=10.0),
            Account("smppuserB", "userB", 11, simulate=1, simulate_deliver_every=1),
            Account("smppuserC", "userC", 11, simulate=1, simulate_deliver_every=1, simulate_mo_every=2),
        ):
            insert_account(database, account)
        insert_route(database, RouteRow(1, "^(1800)", "smppusera", "ksmppd2", 1))
        insert_route(database, RouteRow(1, "^(7800)", "smppusera", "ksmppd3", 1))
        start("bearerbox", [BEARERBOX, "-v", "4", str(kannel_conf)])
        wait_until(lambda: accepts(rewriter.port("14001")), "the bearerbox", 15)
        start("smsbox", [SMSBOX, "-v", "4", str(kannel_conf)])
        sendsms = rewriter.port("14013")
        wait_until(lambda: accepts(sendsms), "the smsbox", 15)
        wait_until(lambda: status().count("(online ") >= 10, lambda: f"ten SMPP links: {status()}", 30)
        wait_until(lambda: "smsbox:KSMPPD" in status(), status, 15)
        answer = request(
            sendsms,
            "/cgi-bin/sendsms",
            username="tester",
            password="foobar",
            to="18005551234",
            text="round and round",
            smsc="ksmppd1",
            dlr_mask=19,
            dlr_url=sink.url("/dlr?status=%d"),
        )
        assert answer.status == 202, answer.body
        call = sink.wait_for(lambda call: call.path == "/dlr", 25)
        assert call.query["status"] == "1"
        (row,) = database.execute("SELECT credit FROM smpp_user WHERE system_id = 'smppuserA'")
        assert float(str(row[0])) == pytest.approx(9.0)
        plain = request(admin, "/esme-status", password="ksmppdpass").body
        assert "Unique known ESME's: 3" in plain
        assert "smppusera - binds:4/0" in plain
    finally:
        codes = [program.stop(30) for program in reversed(programs)]
    assert codes[-1] == 0, programs[0].tail()
    assert "Traceback" not in programs[0].output()
