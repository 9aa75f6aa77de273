"""Charges prepaid accounts for their submits, and refunds refused ones (docs/rules/flows.md 8)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.errors import CreditTooLow, DatabaseUnavailable, KsmppdError
from ksmppd_py.flows.refuse import refuse
from ksmppd_py.model.ports import Credit
from ksmppd_py.model.work import BindContext, Submit
from ksmppd_py.translate.dlr_url import with_price

logger = logging.getLogger(__name__)


class Billing:
    """Charges and refunds the `cost` of submits, a batch with one statement."""

    def __init__(self, credit: Credit) -> None:
        self._credit = credit
        self.notes_prices = False
        """Whether messages carry their price, because reports may give it back."""

    def charge(self, batch: list[Submit], settled: list[Submit], bind: BindContext) -> list[Submit]:
        """Return the submits that are paid, in order; the others go to `settled`, refused. May yield."""
        if not batch:
            return batch
        error: KsmppdError = CreditTooLow()
        system_id = bind.account.system_id
        try:
            paid = self._credit.charge(system_id, [submit.cost for submit in batch])
        except DatabaseUnavailable as unavailable:
            paid, error = 0, unavailable
            logger.warning("%s: %d message(s) can't be charged now: %s", system_id, len(batch), unavailable)
        for submit in batch[paid:]:
            submit.cost = 0.0
            refuse(submit, error, bind.options.profile.statuses)
            settled.append(submit)
        if self.notes_prices:
            for submit in batch[:paid]:
                sms = submit.sms
                if sms is not None and sms.dlr_url is not None and submit.cost > 0:
                    sms.dlr_url = with_price(sms.dlr_url, submit.cost)
        return batch[:paid]

    def refund(self, batch: Sequence[Submit], system_id: str) -> None:
        """Give back what these submits cost; logged as an error when that fails. May yield."""
        amount = sum(submit.cost for submit in batch)
        if not amount:
            return
        try:
            self._credit.refund(system_id, amount)
        except DatabaseUnavailable:
            logger.error("%s: could not refund %f for %d refused message(s)", system_id, amount, len(batch))
