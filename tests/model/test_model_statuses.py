"""The command_status of each refusal, in both built-in profiles."""

from __future__ import annotations

import pytest

from ksmppd_py import errors
from ksmppd_py.model.outcomes import command_status_of
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD, Statuses

OURS = Statuses(0x401, 0x402, 0x403, 0x404, 0x405)


@pytest.mark.parametrize(
    ("error", "kannel", "standard", "own"),
    [
        (errors.KsmppdError(), 0x08, 0x08, 0x08),
        (errors.TemporaryError(), 0x08, 0x08, 0x08),
        (errors.DatabaseUnavailable(), 0x08, 0x08, 0x08),
        (errors.BackendUnavailable(), 0x08, 0x08, 0x08),
        (errors.NoBearerbox(), 0x08, 0x08, 0x08),
        (errors.QueueFull(), 0x08, 0x14, 0x404),
        (errors.PermanentError(), 0x45, 0x45, 0x45),
        (errors.MessageTooLong(), 0x01, 0x01, 0x01),
        (errors.NoRoute(), 0x0B, 0x0B, 0x0B),
        (errors.SenderRefused(), 0x0A, 0x0A, 0x0A),
        (errors.RouteRefused(None, ""), 0x45, 0x45, 0x45),
        (errors.RouteRefused(0x44, ""), 0x44, 0x44, 0x44),
        (errors.CreditTooLow(), 0x45, 0x45, 0x403),
        (errors.Throttled(), 0x58, 0x58, 0x405),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else hex(value),
)
def test_submits(error: errors.KsmppdError, kannel: int, standard: int, own: int) -> None:
    found = [command_status_of(error, each) for each in (KANNEL.statuses, STANDARD.statuses, OURS)]
    assert found == [kannel, standard, own]
    assert command_status_of(error) == kannel


def test_every_error_is_in_the_table() -> None:
    table = test_submits.pytestmark[0].args[1]
    tested = {type(row[0]) for row in table}
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.KsmppdError)
    }
    assert kinds - tested == {errors.StartError}
