"""ksmppd-esme: an SMPP client for the command line. Sends messages, listens, asks for their state or cancels them.

Exit status: 0 when everything asked for happened, 1 when not (one line on stderr says why), 2 for wrong
arguments, 130 when interrupted while sending.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ksmppd_py.smpp.constants import MAX_SHORT_MESSAGE
from ksmppd_py.tools import pdus, secret, texts
from ksmppd_py.tools.esme_client import EsmeClient
from ksmppd_py.tools.link import LONGEST_PASSWORD, EsmeError, Link
from ksmppd_py.tools.load import Load
from ksmppd_py.tools.options import FOREVER, PROGRAM, TIMEOUT, parse, password_problem
from ksmppd_py.tools.pdu_printer import PduPrinter

LONGEST_PAYLOAD = 65_535
FLASH = {texts.GSM: 0x10, texts.UCS2: 0x18}  # message class 0 (GSM 03.38); 5.2.19


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; `argv` without its name. Returns the exit status."""
    if argv is None:
        secret.leave_process_list()
    options = parse(argv)
    logging.getLogger("smpplib").addHandler(logging.NullHandler())  # this program's lines are enough
    logging.getLogger("smpplib").propagate = False
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        options.password = _password(options)
        return _COMMANDS[options.command](options)
    except (EsmeError, texts.TextError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has ended (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _password(options: argparse.Namespace) -> str:
    try:
        password = secret.find(options, os.environ)
    except (OSError, ValueError, EOFError) as error:
        raise EsmeError(str(error) or "no password") from error
    problem = password_problem(password, LONGEST_PASSWORD - 1)
    if problem:
        raise EsmeError(problem)
    return password


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=options.tls_ca)
        if options.tls_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if options.tls_cert:
            context.load_cert_chain(options.tls_cert, options.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise EsmeError(f"can't use the certificates: {error}") from error
    return context


def _with_session(
    options: argparse.Namespace, patience: float, work: Callable[[Link, EsmeClient], int], quiet: bool = False
) -> int:
    """Connect, bind, do the work and always unbind; `patience` (seconds) is for connecting and binding."""
    printer = PduPrinter(options.json, options.hex, quiet)
    link = Link(options.host, options.port, patience, printer, _tls(options))
    try:
        client = EsmeClient(link)
        client.bind(options.bind, options.system_id, options.password, time.monotonic() + patience)
        try:
            return work(link, client)
        finally:
            client.unbind()
    finally:
        link.close()


def _address(value: str, ton: int | None, npi: int | None) -> tuple[int, int, str]:
    """Return TON, NPI and address: +number is international, a name alphanumeric (SMPP 3.4, 5.2.5), unless given."""
    usual_ton, usual_npi = (0, 1) if value.isdigit() else (5, 0)
    if value.startswith("+") and value[1:].isdigit():
        usual_ton, usual_npi, value = 1, 1, value[1:]
    return usual_ton if ton is None else ton, usual_npi if npi is None else npi, value


def _source(options: argparse.Namespace) -> dict[str, Any]:
    ton, npi, address = _address(options.source, options.from_ton, options.from_npi)
    return {"source_addr_ton": ton, "source_addr_npi": npi, "source_addr": address}


def _destination(options: argparse.Namespace) -> dict[str, Any]:
    addresses = [_address(value, options.to_ton, options.to_npi) for value in options.destinations]
    if len(addresses) > 1:
        return {"number_of_dests": len(addresses), "dest_addresses": pdus.pack_destinations(addresses)}
    ton, npi, address = addresses[0]
    return {"dest_addr_ton": ton, "dest_addr_npi": npi, "destination_addr": address}


def _time(seconds: int) -> str:
    """Return an absolute time `seconds` from now, in UTC (SMPP 3.4, 7.1.1)."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%y%m%d%H%M%S000+")


def _submits(options: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Return name and fields of every PDU that the text needs. Raises TextError."""
    data_coding, octets = texts.encode(options.text, options.data_coding)
    if options.flash:
        data_coding = FLASH[texts.family(data_coding)]
    common = {
        **_source(options),
        **_destination(options),
        "registered_delivery": 1 if options.receipt else 0,
        "data_coding": data_coding,
    }
    if options.validity:
        common["validity_period"] = _time(options.validity)
    if options.schedule:
        common["schedule_delivery_time"] = _time(options.schedule)
    command = "submit_sm" if len(options.destinations) == 1 else "submit_multi"
    if options.long == "payload":
        if len(octets) > LONGEST_PAYLOAD:
            raise texts.TextError(
                f"{len(octets)} octets don't fit into a message_payload ({LONGEST_PAYLOAD})"
            )
        field = "message_payload" if len(octets) > MAX_SHORT_MESSAGE else "short_message"
        return [(command, {**common, field: octets})]
    parts = texts.split(octets, data_coding, reference=os.getpid())
    esm_class = 0x40 if len(parts) > 1 else 0  # the parts start with a user data header
    return [(command, {**common, "esm_class": esm_class, "short_message": part}) for part in parts]


def _send(options: argparse.Namespace) -> int:
    submits = _submits(options)
    if options.count is not None:
        return _send_many(options, submits)
    deadline = time.monotonic() + options.wait

    def work(link: Link, client: EsmeClient) -> int:
        message_ids = [
            client.submit(deadline, command, options.tlvs, **fields) for command, fields in submits
        ]
        _await_reports(client, message_ids if options.receipt else [], deadline)
        _await_messages(client, options.expect, deadline)
        return 0

    return _with_session(options, options.wait, work)


def _send_many(options: argparse.Namespace, submits: list[tuple[str, dict[str, Any]]]) -> int:
    def work(link: Link, client: EsmeClient) -> int:
        load = Load(link, client, options.count, options.rate, options.window, options.wait)
        outcome = load.run(submits, options.tlvs, options.receipt)
        if options.json:
            PduPrinter(True).object({"summary": outcome.facts()})
        else:
            print("\n".join(outcome.lines()), flush=True)
        if outcome.problem:
            print(f"{PROGRAM}: {outcome.problem}", file=sys.stderr)
        if outcome.problem == "interrupted":
            return 130
        return 1 if outcome.problem or outcome.latencies.keys() - {0} else 0

    return _with_session(options, options.wait, work, quiet=True)


def _await_reports(client: EsmeClient, message_ids: list[str], deadline: float) -> None:
    """Wait for the final delivery report of every message. Raises EsmeError when one is missing."""

    def missing() -> set[str]:
        return set(message_ids) - {receipt.message_id for receipt in client.receipts if receipt.final}

    if not client.wait_until(lambda: not missing(), deadline):
        raise EsmeError(f"accepted, but no delivery report came in time for {', '.join(sorted(missing()))}")


def _await_messages(client: EsmeClient, expected: int, deadline: float) -> None:
    """Wait for messages that are no reports. Raises EsmeError when some are missing."""
    if not client.wait_until(lambda: client.messages >= expected, deadline):
        raise EsmeError(f"accepted, but only {client.messages} of {expected} expected messages came in time")


def _listen(options: argparse.Namespace) -> int:
    seconds = FOREVER if options.wait is None else options.wait

    def work(link: Link, client: EsmeClient) -> int:
        enough = FOREVER if options.count is None else options.count
        with contextlib.suppress(KeyboardInterrupt):  # the way to end it
            client.wait_until(lambda: client.arrived >= enough, time.monotonic() + seconds)
        return client.arrived

    arrived = _with_session(options, min(seconds, TIMEOUT), work)
    if options.count is not None and arrived < options.count:
        raise EsmeError(f"{arrived} of {options.count} came before the end")
    return 0


def _query(options: argparse.Namespace) -> int:
    def work(link: Link, client: EsmeClient) -> int:
        deadline = time.monotonic() + options.wait
        client.ask(deadline, "query_sm", "the question", message_id=options.id, **_source(options))
        return 0

    return _with_session(options, options.wait, work)


def _cancel(options: argparse.Namespace) -> int:
    fields = {**_source(options), **(_destination(options) if options.destinations else {})}

    def work(link: Link, client: EsmeClient) -> int:
        deadline = time.monotonic() + options.wait
        client.ask(deadline, "cancel_sm", "to cancel", message_id=options.id, **fields)
        return 0

    return _with_session(options, options.wait, work)


_COMMANDS = {"send": _send, "listen": _listen, "query": _query, "cancel": _cancel}


if __name__ == "__main__":
    sys.exit(main())
