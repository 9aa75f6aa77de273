"""Drops the oldest MOs and reports of accounts that have too many of them, or too old ones."""

from __future__ import annotations

import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from ksmppd_py.flows.row_cursor import PAGE
from ksmppd_py.flows.row_source import belongs
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import DropReason, ServerMeters
from ksmppd_py.model.queue_limits import AccountLimits, QueueLimit
from ksmppd_py.model.status import Backlog
from ksmppd_py.model.store import LimitedRows, StoredMessage

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 10_000
"""Rows of one account that are looked at in one pass."""
LOGGED_FOR = 3600.0
"""Seconds after the last dropped row of an account until a further one is logged again."""
_KINDS = (int(SmsType.MO), int(SmsType.REPORT_MO))
_QUEUES = ("mo", "report")


class QueueLimits:
    """Applies queue-max-age and queue-max-rows to the store table. Rows in flight are left to their ESME's answer."""

    def __init__(
        self,
        store: LimitedRows,
        accounts: AccountLimits,
        count: Callable[[], Backlog | None],
        is_in_flight: Callable[[str, int], bool],
        meters: ServerMeters,
        clock: Clock,
        default: QueueLimit,
    ) -> None:
        """`count` returns how many rows wait, counted not long ago; it may yield. `default` is the configuration's."""
        self._store = store
        self._accounts = accounts
        self._count = count
        self._is_in_flight = is_in_flight
        self._meters = meters
        self._clock = clock
        self._default = default
        self._logged: dict[tuple[str, DropReason], float] = {}

    def reconfigure(self, default: QueueLimit) -> None:
        """Use these limits for accounts without limits of their own. Doesn't yield."""
        self._default = default

    def apply(self) -> None:
        """Drop what is above the limits. Raises DatabaseUnavailable. May yield."""
        own, default = self._accounts.read(self._default), self._default
        if not own and default == QueueLimit():
            return
        backlog = self._count()
        if backlog is None:
            return
        rows: Counter[str] = Counter()
        oldest: dict[str, int] = {}
        for depth in backlog.depths:
            if depth.queue in _QUEUES and depth.system_id:
                rows[depth.system_id] += depth.rows
                if depth.oldest is not None:
                    oldest[depth.system_id] = min(depth.oldest, oldest.get(depth.system_id, depth.oldest))
        for system_id, count in rows.items():
            limit = own.get(system_id, default)
            last_surplus = 0
            if 0 < limit.max_rows < count:
                last_surplus = self._store.last_surplus(system_id, limit.max_rows)
            before = int(self._clock.time()) - limit.max_age if limit.max_age else 0
            if last_surplus or oldest.get(system_id, before) < before:
                self._log_once(system_id, self._drop(system_id, last_surplus, before))

    def _drop(self, system_id: str, last_surplus: int, before: int) -> Counter[DropReason]:
        """Drop rows up to `last_surplus`, and those from before that time (epoch seconds); return how many.

        Raises DatabaseUnavailable. May yield.
        """
        dropped: Counter[DropReason] = Counter()
        for row in islice(self._oldest(system_id), MOST_AT_ONCE):
            if row.global_id > last_surplus and not before:
                break
            sms = row.sms
            if sms is None or not belongs(sms.service or b"", system_id):
                continue
            reason = DropReason.AGE if 0 < sms.time < before else DropReason.ROWS
            if reason is DropReason.ROWS and row.global_id > last_surplus:
                continue
            if not self._is_in_flight(system_id, row.global_id):
                self._store.remove((row.global_id,))
                self._meters.dropped[reason] += 1
                dropped[reason] += 1
        return dropped

    def _oldest(self, system_id: str) -> Iterator[StoredMessage]:
        """Yield the account's rows, first stored first. May yield to other greenlets, too."""
        return heapq.merge(*(self._rows(kind, system_id) for kind in _KINDS), key=lambda row: row.global_id)

    def _rows(self, sms_type: int, system_id: str) -> Iterator[StoredMessage]:
        after = 0
        while True:
            rows = self._store.page(sms_type, after, PAGE, system_id)
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].global_id

    def _log_once(self, system_id: str, dropped: Counter[DropReason]) -> None:
        """Log that an account is above a limit, once as long as it stays so with pauses of at most LOGGED_FOR."""
        now = self._clock.monotonic()
        self._logged = {key: last for key, last in self._logged.items() if now - last <= LOGGED_FOR}
        for reason in dropped:
            is_logged = (system_id, reason) in self._logged
            self._logged[system_id, reason] = now
            if not is_logged:
                logger.warning(
                    "SMPP[%s] %d stored message(s) dropped: above %s; more are only counted",
                    system_id,
                    dropped[reason],
                    reason.value,
                )
