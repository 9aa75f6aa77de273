"""Answers the operator's requests to the running server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from ksmppd_py import logs
from ksmppd_py.bearerbox.connection import BoxConnection
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.flows.route_test import RouteTest
from ksmppd_py.model.esme import BlockedAddress, ServerSnapshot
from ksmppd_py.model.ports import Router
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import InboundTestQuery, InboundTestResult, RouteTestQuery, RouteTestResult
from ksmppd_py.server.status import ServerStatus


@dataclass(frozen=True, slots=True)
class ServerOperations:
    """Passes each request to the object that it is about. Implements admin.ports.Operations."""

    server_status: ServerStatus
    registry: EsmeRegistry
    blocklist: BlockList
    router: Router
    route_test: RouteTest
    pool: BearerboxPool

    def uptime(self) -> int:
        """See admin.ports."""
        return int(self.server_status.uptime)

    def snapshot(self) -> ServerSnapshot:
        """See admin.ports."""
        return self.server_status.snapshot()

    def log_level(self) -> int | None:
        """See admin.ports."""
        return logs.file_level()

    def set_log_level(self, level: int) -> None:
        """See admin.ports."""
        logs.set_file_level(level)

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """See admin.ports."""
        return self.registry.unbind(system_id, bind_id)

    def blocked_ips(self) -> Sequence[BlockedAddress]:
        """See admin.ports."""
        return self.blocklist.blocked(monotonic())

    def clear_blocked_ips(self, ip: str | None) -> int:
        """See admin.ports."""
        return self.blocklist.clear(ip, monotonic())

    def pause_bearerbox(self, name: str, paused: bool) -> bool:
        """See admin.ports."""
        connection = self._bearerboxes().get(name)
        if connection is not None:
            (self.pool.pause if paused else self.pool.resume)(connection)
        return connection is not None

    def paused_bearerboxes(self) -> frozenset[str]:
        """See admin.ports."""
        return frozenset(
            name for name, connection in self._bearerboxes().items() if self.pool.is_paused(connection)
        )

    def _bearerboxes(self) -> dict[str, BoxConnection]:
        names = [box.name for box in self.server_status.bearerboxes().bearerboxes]
        return dict(zip(names, self.pool.connections, strict=True))

    def test_route(self, query: RouteTestQuery) -> RouteTestResult:
        """See admin.ports."""
        return self.route_test.run(query)

    def test_inbound_route(self, query: InboundTestQuery) -> InboundTestResult:
        """See admin.ports."""
        return self.route_test.run_inbound(query)

    def rebuild_routes(self) -> RouteReport | None:
        """See admin.ports."""
        return self.router.rebuild()
