"""Operations that remember what they were asked, and the accounts of docs/rules/http.md 3.3 and 3.4."""

from __future__ import annotations

import time
from dataclasses import replace

import bcrypt

from ksmppd_py.admin.command_handler import CommandHandler, CommandRequest
from ksmppd_py.admin.requests import Reply
from ksmppd_py.admin.users import Users
from ksmppd_py.errors import TemporaryError
from ksmppd_py.model import refusals
from ksmppd_py.model.account import Account
from ksmppd_py.model.condition import Condition, Trouble
from ksmppd_py.model.esme import (
    BindSnapshot,
    BlockedAddress,
    Esme,
    EsmeSnapshot,
    ServerMeters,
    ServerSnapshot,
)
from ksmppd_py.model.events import EventStream
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import InboundTestQuery, InboundTestResult, RouteTestQuery, RouteTestResult
from ksmppd_py.model.status import (
    Backlog,
    BearerboxSnapshot,
    BearerboxStatus,
    DatabaseMeter,
    QueueDepth,
    ServerMetrics,
)

BIND = BindSnapshot(
    bind_id=4,
    ip="10.0.0.5",
    uptime=191,
    bind_type=3,
    open_acks=0,
    simulate=False,
    inbound_load=0.0,
    inbound_queued=0,
    inbound_processed=9,
    inbound_routing=0,
    outbound_load=0.0,
    outbound_queued=0,
    outbound_processed=9,
    mt=5,
    mo=1,
    dlr=2,
    errors=0,
)
SMPPUSERA = EsmeSnapshot(
    system_id="smppusera",
    max_binds=2,
    inbound_load=(0.02, 0.0, 0.08),
    max_inbound_load=11.0,
    outbound_load=(0.01, 0.0, 0.05),
    mt=5,
    mo=1,
    dlr=2,
    errors=0,
    binds=(BIND,),
)
SMPPUSERB = EsmeSnapshot(
    system_id="smppuserb",
    max_binds=0,
    inbound_load=(0.0, 0.0, 0.0),
    max_inbound_load=0.0,
    outbound_load=(0.0, 0.0, 0.0),
    mt=0,
    mo=0,
    dlr=0,
    errors=0,
)


def server_snapshot(*esmes: EsmeSnapshot) -> ServerSnapshot:
    """The totals of the samples, with these accounts."""
    return ServerSnapshot(
        inbound_processed=5,
        inbound_load=(0.02, 0.0, 0.08),
        outbound_processed=3,
        outbound_load=(0.01, 0.0, 0.05),
        esmes=esmes,
    )


BOX = BearerboxSnapshot(
    name="KSMPPD@127.0.0.1:14001",
    host="127.0.0.1",
    port=14001,
    boxc_id="KSMPPD",
    online=True,
    since=7,
    open_acks=3,
    incoming=1,
    received=12,
    accepted=40,
    refused=2,
    refused_for_now=1,
    connects=1,
)


LAST = 1_700_000_000.0
BIND_FAILED = refusals.Example(0x0D)
SUBMIT_FAILED = refusals.Example(0x45, "12345", "+49170\n", "0a1b")


class FakeServerStatus:
    """One bearerbox up, one never seen; five rows wait for smppusera."""

    def __init__(self) -> None:
        self.boxes = BearerboxStatus(1, 9, (BOX, replace(BOX, name="x", online=False, connects=0)))
        self.backlog: Backlog | None = Backlog(
            time.time() - 3, True, (QueueDepth("mt", "smppusera", 5, int(time.time()) - 60),)
        )
        self.troubles: tuple[Trouble, ...] = ()
        self.asked: list[float] = []
        self.meters = ServerMeters(1000)
        self.meters.ends["smppusera", "DELIVRD"] = 3
        self.esmes = [
            Esme(Account("smppusera", throughput=11.0, enable_prepaid_billing=True), 1000, 1000),
            Esme(Account("smppuserb"), 1000, 1000),
        ]
        totals = self.esmes[0].totals_of(3)
        totals.mt, totals.mo, totals.dlr, totals.errors, totals.throttled = 5, 1, 2, 4, 3
        totals.refused = {0x58: 3, 0x0B: 1, 0x401: 1, 0x99999: 2}
        totals.count_undelivered(True, Outcome.TIMEOUT)
        self.meters.refusals.add(refusals.BIND, "<script>", "10.0.0.9", "credentials", LAST, 1, BIND_FAILED)
        self.meters.refusals.add(
            refusals.SUBMIT, "smppusera", "", "refused by the bearerbox", LAST, 3, SUBMIT_FAILED
        )
        self.meters.routing.observe(0.002)
        self.database = DatabaseMeter(Histogram(), 1, True)

    @property
    def events(self) -> EventStream:
        """Those of the meters."""
        return self.meters.events

    def bearerboxes(self) -> BearerboxStatus:
        return self.boxes

    def queues(self, max_age: float) -> Backlog | None:
        self.asked.append(max_age)
        return self.backlog

    def condition(self) -> Condition:
        return Condition(self.troubles)

    def refresh_credits(self, max_age: float) -> None:
        self.asked.append(-max_age)

    def blocked(self) -> int:
        return 2

    def metrics(self) -> ServerMetrics:
        return ServerMetrics(
            uptime=11.5,
            condition=self.condition(),
            esmes=self.esmes,
            binds={("smppusera", 3): 2, ("smppusera", 1): 1},
            meters=self.meters,
            bearerboxes=self.boxes,
            acks={box.name: Histogram() for box in self.boxes.bearerboxes},
            backlog=self.backlog,
            database=self.database,
            connections=4,
            connections_refused=6,
            credits={"smppusera": 12.5, "never": 1.0},
        )


class FakeOperations:
    """Two accounts; smppusera has the binds 4 and 7."""

    def __init__(self) -> None:
        self.server_status = FakeServerStatus()
        self.levels: list[int] = []
        self.unbinds: list[tuple[str, int | None]] = []
        self.rebuilds = 0
        self.report: RouteReport | None = None
        self.pauses: list[tuple[str, bool]] = []
        self.queries: list[RouteTestQuery] = []
        self.trial = RouteTestResult("12345", "+49170", 0, "route", "", 12, "one<two", 2, 1.5, True)
        self.state = server_snapshot(SMPPUSERA, SMPPUSERB)
        self.blocked = [BlockedAddress("10.0.0.9", 5, 280), BlockedAddress("10.0.0.8", 7, 3)]
        self.routes_error: Exception | None = None

    def uptime(self) -> int:
        return 11

    def snapshot(self) -> ServerSnapshot:
        return self.state

    def log_level(self) -> int | None:
        """The one that was set last."""
        return self.levels[-1] if self.levels else None

    def set_log_level(self, level: int) -> None:
        self.levels.append(level)

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        self.unbinds.append((system_id, bind_id))
        if system_id not in {"smppusera", "smppuserb"}:
            return None
        binds = {4, 7} if system_id == "smppusera" else set()
        return len(binds) if bind_id is None else len(binds & {bind_id})

    def blocked_ips(self) -> list[BlockedAddress]:
        return self.blocked

    def clear_blocked_ips(self, ip: str | None) -> int:
        before = len(self.blocked)
        self.blocked = [each for each in self.blocked if ip is not None and each.ip != ip]
        return before - len(self.blocked)

    def pause_bearerbox(self, name: str, paused: bool) -> bool:
        """Remember it; one bearerbox is known."""
        known = [box.name for box in self.server_status.boxes.bearerboxes]
        self.pauses.append((name, paused))
        return name in known

    def paused_bearerboxes(self) -> set[str]:
        """The names of the last pauses."""
        return {name for name, paused in dict(self.pauses).items() if paused}

    def test_route(self, query: RouteTestQuery) -> RouteTestResult:
        """Return the result that was set."""
        self.queries.append(query)
        return self.trial

    def test_inbound_route(self, query: InboundTestQuery) -> InboundTestResult:
        """A bound account."""
        return InboundTestResult(query, "", "", 7, "smppusera", True, True, True)

    def rebuild_routes(self) -> RouteReport | None:
        """Count the call, or raise the error that was set."""
        self.rebuilds += 1
        if self.routes_error is not None:
            raise self.routes_error
        return self.report


class PlainHashChecks:
    """Checks bcrypt hashes at once. Implements HashChecks."""

    def takes(self, hashed: bytes, password: bytes) -> bool:
        """As bcrypt does."""
        return bcrypt.checkpw(password, hashed)

    def close(self) -> None:
        """Nothing is under way."""


def routes_down() -> TemporaryError:
    """The error that a failing route source raises."""
    return TemporaryError("the database is away")


def run_target(operations: FakeOperations, target: str) -> Reply:
    """Run the command of a request target, without password, and return its reply."""
    commands = CommandHandler(operations, Users(b"", (), PlainHashChecks()), {})
    return commands.run_command(CommandRequest.from_target(target.encode()))
