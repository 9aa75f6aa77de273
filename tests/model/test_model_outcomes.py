"""The only tables between our errors and outcomes and the numbers on two wires."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import ksmppd_py
from ksmppd_py import errors
from ksmppd_py.kannel.messages import AckStatus
from ksmppd_py.model import outcomes
from ksmppd_py.model.outcomes import (
    COMMAND_STATUS_OF_RESULT,
    Outcome,
    SubmitResult,
    command_status_of,
    of_command_status,
    result_of_ack,
)
from ksmppd_py.smpp.constants import CommandStatus


def subclasses(kind: type[errors.KsmppdError]) -> Iterator[type[errors.KsmppdError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def every_error() -> list[type[errors.KsmppdError]]:
    """All of ours, wherever they are written down."""
    for module in pkgutil.walk_packages(ksmppd_py.__path__, "ksmppd_py."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = {kind for kind in subclasses(errors.KsmppdError) if kind.__module__.startswith("ksmppd_py.")}
    return sorted(ours, key=lambda kind: kind.__qualname__)


ERRORS = every_error()
MAY_LEAVE = {CommandStatus.RSYSERR, CommandStatus.RSUBMITFAIL, CommandStatus.RINVMSGLEN} | {
    CommandStatus.RINVDSTADR,
    CommandStatus.RINVSRCADR,
    CommandStatus.RTHROTTLED,
}


def made(kind: type[errors.KsmppdError]) -> errors.KsmppdError:
    """Make an instance without its constructor, whose arguments differ; only the class matters."""
    error = kind.__new__(kind)
    Exception.__init__(error, "made for a test")
    if isinstance(error, errors.RouteRefused):
        error.code = None
    return error


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__qualname__)
def test_every_error_has_its_status(kind: type[errors.KsmppdError]) -> None:
    """Every temporary problem is 0x08; no error of ours is an acceptance."""
    status = command_status_of(made(kind))
    assert status in MAY_LEAVE
    if issubclass(kind, errors.TemporaryError):
        assert status == CommandStatus.RSYSERR
    elif issubclass(kind, errors.PermanentError):
        assert status != CommandStatus.RSYSERR


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.TemporaryError(), 0x08),
        (errors.DatabaseUnavailable(), 0x08),
        (errors.BackendUnavailable(), 0x08),
        (errors.NoBearerbox(), 0x08),
        (errors.QueueFull(), 0x08),
        (errors.PermanentError(), 0x45),
        (errors.MessageTooLong(), 0x01),
        (errors.NoRoute(), 0x0B),
        (errors.SenderRefused(), 0x0A),
        (errors.RouteRefused(), 0x45),
        (errors.RouteRefused(0x0B), 0x0B),
        (errors.RouteRefused(0x400, "vendor"), 0x400),
        (errors.CreditTooLow(), 0x45),
        (errors.Throttled(), 0x58),
        (errors.KsmppdError(), 0x08),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else hex(value),
)
def test_statuses_of_submits(error: errors.KsmppdError, status: int) -> None:
    """docs/rules/flows.md 1.1."""
    assert command_status_of(error) == status


def test_a_subclass_of_a_temporary_error_stays_temporary() -> None:
    class OutOfDisk(errors.DatabaseUnavailable):
        pass

    assert command_status_of(OutOfDisk()) == CommandStatus.RSYSERR


def test_a_subclass_of_a_permanent_error_is_refused_as_that() -> None:
    class ColumnTooShort(errors.MessageTooLong):
        pass

    assert command_status_of(ColumnTooShort()) == CommandStatus.RINVMSGLEN


@pytest.mark.parametrize(
    ("nack", "status"),
    [(0, 0), (3, 0), (1, 0x45), (2, 0x08), (4, 0x08), (7, 0x08), (-1, 0x08), (2**31 - 1, 0x08)],
)
def test_statuses_of_acks(nack: int, status: int) -> None:
    """docs/rules/flows.md 1.1."""
    assert COMMAND_STATUS_OF_RESULT[result_of_ack(nack)] == status


def test_every_result_has_a_status() -> None:
    assert set(COMMAND_STATUS_OF_RESULT) == set(SubmitResult)


@pytest.mark.parametrize("status", [0x08, 0x14, 0x58, 0x64, 0x400, 0x401, 0x4FE, 0x4FF])
def test_temporary_answers(status: int) -> None:
    """docs/rules/flows.md 4. C's internal 0x400, 0x401 and 0x4FE are a vendor's numbers to us, no more."""
    assert of_command_status(status) is Outcome.TEMPORARY


@pytest.mark.parametrize("status", [0x01, 0x04, 0x0B, 0x45, 0x65, 0x66, 0xFF, 0x3FF, 0x500, 0xFFFFFFFF])
def test_permanent_answers(status: int) -> None:
    """docs/rules/flows.md 4."""
    assert of_command_status(status) is Outcome.PERMANENT


def test_the_good_answer() -> None:
    assert of_command_status(0) is Outcome.DONE


def test_no_number_of_a_peer_becomes_an_inner_outcome() -> None:
    """docs/rules/flows.md 9, row 23."""
    inner = {Outcome.TIMEOUT, Outcome.GONE, Outcome.NO_RECEIVER}
    assert not inner & {of_command_status(status) for status in (*range(0x600), *CommandStatus)}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_ack(outcome: Outcome) -> None:
    """Only permanent refusals of an ESME or router become permanent nacks."""
    ack = outcomes.ACK_OF_OUTCOME[outcome]
    expected = {Outcome.DONE: AckStatus.SUCCESS, Outcome.PERMANENT: AckStatus.FAILED}
    assert ack is expected.get(outcome, AckStatus.FAILED_TMP)


def test_of_several_parts_the_worst_counts() -> None:
    """docs/rules/flows.md 4: temporary failure > permanent failure > ok."""
    assert Outcome.TEMPORARY > Outcome.PERMANENT > Outcome.DONE
    assert min(Outcome.TIMEOUT, Outcome.GONE, Outcome.NO_RECEIVER) > Outcome.PERMANENT
