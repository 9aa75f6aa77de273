"""Sends stored MOs, reports and PDUs to ESMEs (docs/rules/flows.md 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.row_cursor import ROWS_PAUSE, Wakeups
from ksmppd_py.flows.row_source import MessageSource, PduSource
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.ports import Receivers
from ksmppd_py.model.store import DeliverRows
from ksmppd_py.model.work import Delivery

_REPORT, _MO = int(SmsType.REPORT_MO), int(SmsType.MO)


class _Account:
    """The rows of one account: first those of the PDU table, then reports, then MOs."""

    __slots__ = ("_peak", "_wake", "_woken", "messages", "sources", "unfinished")

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._woken = False
        self._peak = 0
        self.messages: dict[int, MessageSource] = {}
        self.sources: list[PduSource | MessageSource] = []
        self.unfinished = False  # no bind had room for the rest, or there was no bind

    def advance(self, room_of: Callable[[str], int], now: float) -> None:
        """Send the rows that binds have room for. Raises DatabaseUnavailable. May yield."""
        self._woken = False
        for source in self.sources:
            if source.cursor.due(now):
                source.cursor.start_over()
        self.unfinished = not all(source.advance(room_of) for source in self.sources)
        self._peak = self._in_flight

    @property
    def _in_flight(self) -> int:
        """Number of rows that were sent and aren't answered yet."""
        return sum(len(source.cursor.in_flight) for source in self.sources)

    def row_settled(self) -> None:
        """Wake the replay once half of the rows that were in flight are answered."""
        if not self._woken and self._in_flight * 2 <= self._peak:
            self._woken = True
            self._wake()


class DeliverReplay:
    """Sends stored MOs, reports and PDUs to the accounts' receiving binds, in the order in which they were stored.

    An account put into `wakeups` wakes the greenlet that calls `advance` with it. `queue`: whether the store table
    is used. Of an account only as many rows are in flight as its binds have room for. Implements the bearerboxes'
    ReplayHandover.
    """

    def __init__(
        self,
        store: DeliverRows,
        delivery: DeliveryFlow,
        receivers: Receivers,
        wakeups: Wakeups,
        clock: Clock,
        queue: bool,
    ) -> None:
        self._queue = queue
        self._store = store
        self._delivery = delivery
        self._receivers = receivers
        self._wakeups = wakeups
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._expected: set[bytes] = set()

    def advance(self, system_id: str) -> None:
        """Send as many rows of the account as its binds have room for. Raises DatabaseUnavailable. May yield."""
        self._account(system_id).advance(self._receivers.room, self._clock.monotonic())

    def rescan(self, system_id: str) -> None:
        """Read this account's rows from the first one again, since another process may have added some.

        Doesn't yield.
        """
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.cursor.start_over()
        self._wakeups.put(system_id)

    def look_later(self, system_id: str) -> None:
        """Read this account's rows again after ROWS_PAUSE: the database didn't answer. Doesn't yield."""
        account = self._accounts.get(system_id)
        if account is not None:
            for source in account.sources:
                source.cursor.retry_at_once(0, self._clock.monotonic() + ROWS_PAUSE)

    def is_in_flight(self, system_id: str, row: int) -> bool:
        """Whether a row of the store table is with the account's ESME. Doesn't yield."""
        account = self._accounts.get(system_id)
        return account is not None and any(
            row in source.cursor.in_flight for source in account.messages.values()
        )

    def due(self) -> list[str]:
        """Return the accounts whose rows may be tried again, or had no room and have some now. Doesn't yield."""
        now = self._clock.monotonic()
        return [
            system_id
            for system_id, account in self._accounts.items()
            if any(source.cursor.due(now) for source in account.sources)
            or (account.unfinished and self._receivers.room(system_id) > 0)
        ]

    @property
    def unusable(self) -> int:
        """Number of rows found that can't be read or delivered."""
        return sum(source.cursor.unusable for each in self._accounts.values() for source in each.sources)

    # -- the bearerboxes' ReplayHandover -------------------------------------------------------------------------

    def expect_rows(self, message_ids: Sequence[bytes]) -> None:
        """Announce rows with these message ids, whose messages are in flight already. Doesn't yield."""
        self._expected.update(message_ids)

    def expect_no_more_rows(self, message_ids: Sequence[bytes]) -> None:
        """Withdraw the announcement: the rows are there now, or could not be stored. Doesn't yield."""
        self._expected.difference_update(message_ids)

    def take_over(self, delivery: Delivery, row: int) -> None:
        """Take over a delivery in flight whose message was stored as `row`; it may have ended already.

        Doesn't yield.
        """
        self._source_of(delivery).take_over(delivery, row)

    def retry_later(self, delivery: Delivery, row: int) -> None:
        """Send the message stored as `row` only after its delay: its ESME refused it temporarily. Doesn't yield."""
        self._source_of(delivery).cursor.retry_later(row, self._clock.monotonic())

    def rows_added(self, system_id: str) -> None:
        """Note that rows of this account were added. Doesn't yield."""
        if self._receivers.bound(system_id):
            self._wakeups.put(system_id)
        else:  # it may bind again before its absence was noticed
            self._account(system_id).unfinished = True

    def _source_of(self, delivery: Delivery) -> MessageSource:
        assert delivery.sms is not None
        return self._account(delivery.system_id).messages[delivery.sms.sms_type]

    def _account(self, system_id: str) -> _Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = self._new_account(system_id)
        return account

    def _new_account(self, system_id: str) -> _Account:
        account = _Account(lambda: self._wakeups.put(system_id))
        common = (system_id, self._store, self._delivery, self._clock, account.row_settled)
        if self._queue:
            for sms_type in (_REPORT, _MO):
                account.messages[sms_type] = MessageSource(*common, sms_type, self._expected)
        account.sources = [PduSource(*common), *account.messages.values()]
        return account
