"""Two daemons on one set of tables: one replays; when it is killed the other takes over; no row goes out twice."""

from __future__ import annotations

import gevent
import pytest

from tests.faults.backlog import Taker, fill
from tests.faults.lane import PASSWORD, Lane, LaunchedDaemon
from tests.parts.daemon import DaemonConfig
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.slow]


@pytest.mark.parametrize(
    "kind", ["sqlite", *(pytest.param(kind, marks=pytest.mark.database) for kind in ("mariadb", "pgsql"))]
)
def test_no_row_goes_out_twice(kind: str) -> None:
    with Lane(kind, keys={"wait-ack-timeout": 60}, constants={}).opened() as lane:
        config = DaemonConfig([("SECOND", lane.box.port)], ksmppd={"wait-ack-timeout": 60, "log-level": 1})
        second = LaunchedDaemon(lane.directory / "second", config, lane.database, name="second")
        second.start()
        try:
            second.wait_for_log("Another ksmppd replays the queue")
            fill(lane.database, "faulta", 2000)
            takers = [Taker(port, "faulta", PASSWORD) for port in (lane.daemon.smpp_port, second.smpp_port)]
            takers[0].take_until(2000)
            wait_until(lambda: lane.stored() == 0, "an empty store", 30)
            gevent.joinall([gevent.spawn(taker.take_for, 2) for taker in takers], raise_error=True)
            assert sorted(takers[0].numbers) == list(range(1, 2001))
            assert not takers[1].numbers
            takers[0].close()
            lane.daemon.kill()
            fill(lane.database, "faulta", 500, first=3001)
            takers[1].take_until(500)
            takers[1].take_for(2)
            assert sorted(takers[1].numbers) == list(range(3001, 3501))
            second.wait_for_log("is ours now")
            takers[1].close()
        finally:
            second.stop()
