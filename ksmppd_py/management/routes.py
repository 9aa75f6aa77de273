"""Changes of routes: each is checked, written with its audit, and announced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ksmppd_py.management.errors import InvalidValue, NotFound
from ksmppd_py.management.ports import AccountStore, Announcements, RouteStore
from ksmppd_py.management.records import Actor, AuditNote, RouteRecord, Setting, Settings
from ksmppd_py.management.rules import ROUTE_COLUMNS, check_route, check_row
from ksmppd_py.model.direction import Direction

MOST_ROUTES = 5_000
"""Routes that one request may replace an account's with."""
_CHECKED_AT_ONCE = 250
"""Routes that are checked between two pauses, which takes some milliseconds."""


class Routes:
    """Changes routes. `clock` is epoch seconds.

    With `accounts` a route needs an account that exists; None = accounts aren't in this database. `pause` is called
    every few milliseconds while many routes are checked, so that other greenlets can run. Every method may
    yield and raises DatabaseUnavailable, or ChangeRefused when nothing was changed: InvalidValue for a value or an
    account that doesn't exist, NotFound without the route, Outdated when the row has another version than a given one.
    """

    def __init__(
        self,
        store: RouteStore,
        accounts: AccountStore | None,
        announcements: Announcements,
        clock: Callable[[], float],
        pause: Callable[[], None],
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._announcements = announcements
        self._clock = clock
        self._pause = pause

    def create(self, actor: Actor, settings: Settings) -> RouteRecord:
        """Insert a route, whose route_id the table gives; it holds at once."""
        columns = self._row(settings)
        self._require_account(columns["system_id"])
        route = self._store.add(columns, self._note(actor, "create", "route"))
        self._announce([route.settings])
        return route

    def change(self, actor: Actor, route_id: int, settings: Settings, version: str = "") -> RouteRecord:
        """Set the columns in `settings`; the others stay. The route holds at once as it is then."""
        columns = check_row(ROUTE_COLUMNS, self._store.columns, settings)
        known = self._store.get(route_id)
        check_route({**known.settings, **columns})
        self._require_account(columns.get("system_id"))
        note = self._note(actor, "change", f"route {route_id}")
        before, after = self._store.change(route_id, columns, version or known.version, note)
        self._announce([before.settings, after.settings])
        return after

    def delete(self, actor: Actor, route_id: int, version: str = "") -> None:
        """Delete a route; messages don't take it from now on."""
        route = self._store.remove(route_id, version, self._note(actor, "delete", f"route {route_id}"))
        self._announce([route.settings])

    def replace(self, actor: Actor, direction: int, system_id: str, routes: Sequence[Settings]) -> None:
        """Replace all routes of an account in one direction, at one moment.

        Raises InvalidValue for more than MOST_ROUTES; its field names the position of a refused route, from 0.
        """
        if len(routes) > MOST_ROUTES:
            raise InvalidValue(f"has {len(routes)} routes, more than {MOST_ROUTES}", "items")
        rows = []
        for position, route in enumerate(routes):
            if position % _CHECKED_AT_ONCE == 0:
                self._pause()
            try:
                rows.append(self._row({**route, "direction": direction, "system_id": system_id}))
            except InvalidValue as error:
                raise InvalidValue(str(error), f"items.{position}.{error.field}") from None
        self._require_account(system_id)
        note = self._note(actor, "replace", f"routes of {system_id}, direction {direction}")
        self._store.replace(direction, system_id, rows, note)
        self._announce([{"direction": direction, "system_id": system_id}])

    def _row(self, settings: Settings) -> dict[str, Setting]:
        columns = check_row(ROUTE_COLUMNS, self._store.columns, settings, whole=True)
        check_route(columns)
        return columns

    def _require_account(self, system_id: Setting) -> None:
        """Raise InvalidValue for a route to or from an account that doesn't exist."""
        if self._accounts is None or not system_id:
            return
        try:
            self._accounts.get(str(system_id))
        except NotFound as error:
            raise InvalidValue(str(error), "system_id") from None

    def _announce(self, routes: Iterable[Settings]) -> None:
        outbound, inbound = set(), False
        for route in routes:
            if route["direction"] == Direction.OUTBOUND:
                outbound.add(str(route["system_id"] or ""))
            else:
                inbound = True
        self._announcements.routes_changed(outbound, inbound)

    def _note(self, actor: Actor, operation: str, subject: str) -> AuditNote:
        return AuditNote(actor, self._clock(), operation, subject)
