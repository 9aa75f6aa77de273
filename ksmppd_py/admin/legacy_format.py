"""Texts and XML documents that operators' scripts parse, octet by octet (docs/rules/http.md 3.2 to 3.4).

Most are KSMPPD's. Results that aren't in PLAIN, XML and JSON are rendered by generic_format.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from ksmppd_py.admin import generic_format
from ksmppd_py.admin.results import AddressesCleared, BlockedAddresses, Message, RoutesUpdated, Uptime
from ksmppd_py.admin.text import duration, escape, load, loads, representable, yes_no
from ksmppd_py.model.esme import BindSnapshot, EsmeSnapshot, ServerSnapshot
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import RouteTestResult


class _Ends(NamedTuple):
    """The XML element of a message, and the octets behind its text and its XML."""

    element: str = "status"
    plain: str = "\n"
    xml: str = ""


_ENDS = {"/log-level": _Ends("message", xml="\n"), "/rebuild-routes": _Ends(plain="")}
_ROUTES_UPDATED = "Routes updated"


def message_plain(command: str, message: Message) -> str:
    """Return a command's message as text."""
    explanation = message.explanation and f"\n{message.explanation}"
    return message.text() + explanation + _ENDS.get(command, _Ends()).plain


def message_xml(command: str, message: Message) -> str:
    """Return a command's message as XML."""
    ends = _ENDS.get(command, _Ends())
    return f"<{ends.element}>{message.text(escape)}</{ends.element}>{ends.xml}"


def message_json(message: Message) -> dict[str, Any]:
    """Return a message's sentences and values."""
    explanation = message.explanation and f". {message.explanation}"
    values = {name: generic_format.values(value) for name, value in message.values.items()}
    return {"message": message.text() + explanation, **values}


# -- rebuild-routes, blocked-ips, route-test ------------------------------------------------------------------------


def _report_lines(report: RouteReport) -> list[str]:
    lines = [f"{report.rows} rows read, {report.skipped} skipped"]
    for problem in report.problems:
        skipped = " skipped" if problem.skipped else ""
        lines.append(f"route {problem.route_id}{skipped}: {problem.reason}")
    return [*lines, f"and {report.more} more"] if report.more else lines


def _routes_plain(result: RoutesUpdated) -> str:
    if result.report is None:
        return _ROUTES_UPDATED
    return "".join(f"{line}\n" for line in [_ROUTES_UPDATED, *_report_lines(result.report)])


def _routes_xml(result: RoutesUpdated) -> str:
    """KSMPPD's document, which scripts parse or compare, stays; the report is a comment behind it."""
    document = f"<status>{_ROUTES_UPDATED}</status>"
    if result.report is None:
        return document
    text = (
        "\n".join(_report_lines(result.report)).replace("--", "- -").replace("--", "- -")
    )  # no comment may have --
    return f"{document}\n<!-- {representable(text)} -->\n"


def _routes_json(result: RoutesUpdated) -> dict[str, Any]:
    report = result.report
    if report is None:
        return {"message": _ROUTES_UPDATED}
    problems = [
        {"route_id": problem.route_id, "skipped": problem.skipped, "reason": problem.reason}
        for problem in report.problems
    ]
    counts = {"rows": report.rows, "skipped": report.skipped, "problems": problems, "more": report.more}
    return {"message": _ROUTES_UPDATED, **counts}


def _blocked_plain(result: BlockedAddresses) -> str:
    lines = [
        f"{each.ip} failed binds:{each.attempts} blocked for:{each.seconds_left}s\n"
        for each in result.blocked
    ]
    return f"{len(lines)} addresses blocked\n{''.join(lines)}"


def _blocked_xml(result: BlockedAddresses) -> str:
    blocked = "".join(
        f"<address><ip>{escape(each.ip)}</ip><failed-binds>{each.attempts}</failed-binds>"
        f"<seconds-left>{each.seconds_left}</seconds-left></address>"
        for each in result.blocked
    )
    return f"<blocked-ips>{blocked}</blocked-ips>"


def route_test_members(result: RouteTestResult) -> dict[str, Any]:
    """Return the members of a route-test's result, those that have a value."""
    members: dict[str, Any] = {
        "status": "refused" if result.command_status else "routed",
        "command_status": f"0x{result.command_status:08x}",
        "sender": result.sender,
        "receiver": result.receiver,
        "parts": result.parts,
    }
    if result.decided_by:
        members["decided_by"] = result.decided_by
        if result.route_id:
            members["route_id"] = result.route_id
        members["smsc_id"] = result.smsc_id
        members["cost_per_part"] = result.cost
        members["cost"] = round(result.cost * result.parts, 6)
        members["prepaid"] = result.is_charged
    if result.reason:
        members["reason"] = result.reason
    members["account_known"] = result.is_known
    if result.refusal:
        members["refusal"] = result.refusal
    if result.credit is not None:
        members["credit"] = result.credit
    if result.throughput:
        members["throughput"] = result.throughput
    if result.is_outdated:
        members["binds_outdated"] = True
    return members


def _route_test_xml(result: RouteTestResult) -> str:
    members = generic_format.text_members(route_test_members(result))
    elements = (f"<{name}>{escape(text)}</{name}>" for name, text in members)
    return f"<route-test>{''.join(elements)}</route-test>"


# -- esme-status: accounts by system_id, binds by id -----------------------------------------------------------------


def _sorted(server: ServerSnapshot) -> list[EsmeSnapshot]:
    return sorted(server.esmes, key=lambda esme: esme.system_id)


def _status_plain(server: ServerSnapshot) -> str:
    return (
        "Summary: \n"
        "\n"
        f"Unique known ESME's: {len(server.esmes)}\n"
        f"Total inbound processed:{server.inbound_processed} load: {loads(server.inbound_load)}/sec\n"
        f"Total outbound processed:{server.outbound_processed} load: {loads(server.outbound_load)}/sec\n"
    ) + "".join(map(_esme_plain, _sorted(server)))


def _esme_plain(esme: EsmeSnapshot) -> str:
    return (
        "\n"
        f"{esme.system_id} - binds:{len(esme.binds)}/{esme.max_binds}, "
        f"total inbound load:({loads(esme.inbound_load)})/{load(esme.max_inbound_load)}/sec, "
        f"outbound load:({loads(esme.outbound_load)})/sec, "
        f"mt/mo/dlr/errors:({esme.mt}/{esme.mo}/{esme.dlr}/{esme.errors})\n"
    ) + "".join(map(_bind_plain, esme.binds))


def _bind_plain(bind: BindSnapshot) -> str:
    return (
        f"-- id:{bind.bind_id} ip:{bind.ip} uptime:{duration(bind.uptime)}, type:{bind.bind_type}, "
        f"open-acks:{bind.open_acks}, simulate: {yes_no(bind.simulate)}, "
        f"inbound (load/queued/processed/routing):{load(bind.inbound_load)}/{bind.inbound_queued}"
        f"/{bind.inbound_processed}/{bind.inbound_routing}, "
        f"outbound (load/queued/processed):{load(bind.outbound_load)}/{bind.outbound_queued}"
        f"/{bind.outbound_processed}, "
        f"mt/mo/dlr/errors:{bind.mt}/{bind.mo}/{bind.dlr}/{bind.errors}\n"
    )


def _status_xml(server: ServerSnapshot) -> str:
    summary = {
        "unique": len(server.esmes),
        "inbound-processed": server.inbound_processed,
        "inbound-load": server.inbound_load,
        "outbound-processed": server.outbound_processed,
        "outbound-load": server.outbound_load,
    }
    esmes = "".join(map(_esme_xml, _sorted(server)))
    return f"<esmes><summary>{_elements(1, summary.items())}\n</summary>{esmes}</esmes>"


def _esme_xml(esme: EsmeSnapshot) -> str:
    members = [(each.name, getattr(esme, each.name)) for each in fields(esme) if each.name != "binds"]
    members.insert(1, ("bind-count", len(esme.binds)))
    return f"\n<esme>{_elements(1, members)}{''.join(map(_bind_xml, esme.binds))}\n</esme>"


def _bind_xml(bind: BindSnapshot) -> str:
    members = ((each.name, getattr(bind, each.name)) for each in fields(bind))
    return f"\n\t<bind>{_elements(2, members)}\n\t</bind>"


def _elements(depth: int, members: Iterable[tuple[str, Any]]) -> str:
    """Return the elements, each on a new line and indented by `depth` tabs."""
    start = "\n" + "\t" * depth
    return "".join(
        f"{start}<{(tag := name.replace('_', '-'))}>{_element_text(tag, value)}</{tag}>"
        for name, value in members
    )


def _element_text(tag: str, value: Any) -> str:
    if tag.endswith("-load"):
        return loads(value) if isinstance(value, tuple) else load(value)
    return yes_no(value) if tag == "simulate" else escape(str(value))


PLAIN: Mapping[type, Callable[[Any], str]] = {
    Uptime: lambda result: f"Uptime {duration(result.uptime)}\n",
    RoutesUpdated: _routes_plain,
    BlockedAddresses: _blocked_plain,
    AddressesCleared: lambda result: f"{result.unblocked} addresses unblocked\n",
    RouteTestResult: lambda result: generic_format.plain(route_test_members(result)),
    ServerSnapshot: _status_plain,
}
XML: Mapping[type, Callable[[Any], str]] = {
    Uptime: lambda result: f"<uptime>{result.uptime}</uptime>",
    RoutesUpdated: _routes_xml,
    BlockedAddresses: _blocked_xml,
    AddressesCleared: lambda result: f"<status>{result.unblocked} addresses unblocked</status>",
    RouteTestResult: _route_test_xml,
    ServerSnapshot: _status_xml,
}
JSON: Mapping[type, Callable[[Any], Any]] = {
    Message: message_json,
    RoutesUpdated: _routes_json,
    RouteTestResult: route_test_members,
}
