"""Refuses submits because of an error, and for want of message ids."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ksmppd_py.errors import KsmppdError, TemporaryError
from ksmppd_py.model.outcomes import command_status_of, reason_of
from ksmppd_py.model.work import BindContext, Submit
from ksmppd_py.translate.dlr_profile import KANNEL_STATUSES, Statuses

logger = logging.getLogger(__name__)


def refuse(submit: Submit, error: KsmppdError, statuses: Statuses = KANNEL_STATUSES) -> None:
    """Set the submit's command_status and reason to those of this error; `statuses` are those of the profile."""
    submit.command_status = command_status_of(error, statuses)
    submit.reason = reason_of(error)


def ids_for(batch: Sequence[Submit], bind: BindContext, settled: list[Submit]) -> list[bytes] | None:
    """Return an id for each submit, the last one first, or none where ids are UUIDs.

    Returns None when there are none now: then all submits are refused, and in `settled`. May yield (leases).
    """
    if bind.ids is None:
        return []
    try:
        return bind.ids.take(len(batch))
    except TemporaryError as error:
        logger.warning("SMPP[%s] there are no message ids now: %s", bind.account.system_id, error)
        for submit in batch:
            refuse(submit, error, bind.options.profile.statuses)
        settled.extend(batch)
        return None
