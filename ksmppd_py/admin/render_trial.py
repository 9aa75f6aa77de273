"""Renders the result of a route-test, the same fields in three formats."""

from __future__ import annotations

from typing import Any

from ksmppd_py.admin.text import escape, yes_no
from ksmppd_py.model.route_test import RouteTestResult, number


def _facts(trial: RouteTestResult) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "status": "refused" if trial.command_status else "routed",
        "command-status": f"0x{trial.command_status:08x}",
        "sender": trial.sender,
        "receiver": trial.receiver,
        "parts": trial.parts,
    }
    if trial.decided_by:
        facts["decided-by"] = trial.decided_by
        if trial.route_id:
            facts["route-id"] = trial.route_id
        facts["smsc-id"] = trial.smsc_id
        facts["cost-per-part"] = trial.cost
        facts["cost"] = round(trial.cost * trial.parts, 6)
        facts["prepaid"] = trial.is_charged
    if trial.reason:
        facts["reason"] = trial.reason
    facts["account-known"] = trial.is_known
    if trial.refusal:
        facts["refusal"] = trial.refusal
    if trial.credit is not None:
        facts["credit"] = trial.credit
    if trial.throughput:
        facts["throughput"] = trial.throughput
    if trial.is_outdated:
        facts["binds-outdated"] = True
    return facts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return yes_no(value)
    return number(value) if isinstance(value, float) else str(value)


def plain(trial: RouteTestResult) -> str:
    """Return one line for each field."""
    return "".join(f"{name}: {_text(value)}\n" for name, value in _facts(trial).items())


def xml(trial: RouteTestResult) -> str:
    """Return one element for each field."""
    facts = "".join(f"<{name}>{escape(_text(value))}</{name}>" for name, value in _facts(trial).items())
    return f"<route-test>{facts}</route-test>"


def json(trial: RouteTestResult) -> dict[str, Any]:
    """Return one member for each field."""
    return {name.replace("-", "_"): value for name, value in _facts(trial).items()}
