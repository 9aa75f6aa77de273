"""A PostgreSQL that is lost for good, and its standby in its place: what was answered is there."""

from __future__ import annotations

import gevent
import pytest

from tests.fakes import smpp_wire as wire
from tests.faults.lane import Lane
from tests.faults.test_database_away import SubmitClient
from tests.parts.database import PostgresDatabase
from tests.parts.postgresql import REPLICATED, PostgreSQL
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow, pytest.mark.database]


def test_synchronous_standby() -> None:
    """Nothing is lost that was answered; submits and binds go on with the promoted server, without a restart."""
    hosts = "127.0.0.1,127.0.0.2"
    keys = {"wait-ack-timeout": 60}
    lane = Lane("pgsql", keys=keys, constants={}, settings=REPLICATED, database_host=hosts)
    primary, database = lane.server, lane.database
    assert isinstance(primary, PostgreSQL)
    assert isinstance(database, PostgresDatabase)
    standby = PostgreSQL(host="127.0.0.2", port=primary.port, **REPLICATED)
    try:
        standby.copy_from(primary)
        standby.start()
        primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.query("SELECT pg_reload_conf()")
        state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: primary.query(state) == ((1,),), "the standby to be synchronous", 20)
        with lane.opened():
            submitter = SubmitClient(lane)
            submitter.wait([submitter.send()])
            lane.lose_box()
            numbers = []
            for number in range(300):
                numbers.append(submitter.send(f"number {number}"))
                if number % 10 == 0:
                    gevent.sleep(0.01)
                if number == 200:
                    primary.kill()
            answers = submitter.wait(numbers, 20)
            assert {status for status, _ in answers} == {0, wire.RSYSERR}
            standby.promote()
            wait_until(lambda: submitter.wait([submitter.send()], 7)[0][0] == 0, "the promoted server", 20)
            rows = standby.query("SELECT convert_from(msgdata, 'LATIN1') FROM smpp_store", database.name)
            stored = {text for (text,) in rows}
            answered = {f"number {number}" for number, (status, _) in enumerate(answers) if status == 0}
            assert answered <= stored
            lane.box.start()
            wait_until(lambda: lane.stored() == 0, "an empty store", 30)
            submitter.customer.stop()
    finally:
        standby.remove()
