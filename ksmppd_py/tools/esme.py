"""ksmppd-esme: an SMPP client for the command line. Sends a message or listens, and tells every PDU in words.

Exit status: 0 when everything asked for happened, 1 when not (one line on stderr says why), 2 for wrong
arguments, 130 when interrupted while sending.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import time
from collections.abc import Sequence

from ksmppd_py.tools import texts
from ksmppd_py.tools.link import LONGEST_PASSWORD, EsmeError, Link
from ksmppd_py.tools.session import Session

PROGRAM = "ksmppd-esme"
FOREVER = 10 * 365 * 86_400.0  # seconds; `listen` without --wait
PATIENCE = 60.0  # seconds for connecting, binding and, unless --wait says more, for a report
LONGEST_SYSTEM_ID, LONGEST_ADDRESS, LONGEST_PAYLOAD = 15, 20, 65_535
LONGEST_SHORT_MESSAGE = 254  # octets of short_message, SMPP 3.4, 5.2.21
EPILOG = """examples:
  ksmppd-esme send --system-id demo --password demo --from 12345 --to +46701234567 --text Hello --receipt
  ksmppd-esme listen --system-id demo --password demo --bind receiver --count 1 --wait 60
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; `argv` without its name. Returns the exit status."""
    options = _parse(argv)
    logging.getLogger("smpplib").addHandler(logging.NullHandler())  # our lines say it all
    logging.getLogger("smpplib").propagate = False
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _listen(options) if options.command == "listen" else _send(options)
    except (EsmeError, texts.TextError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # our reader has seen enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _tell(line: str) -> None:
    print(line, flush=True)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="An SMPP client that tells every PDU in words.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="send|listen")
    send = commands.add_parser("send", help="submit one message")
    listen = commands.add_parser("listen", help="print what arrives")
    for command in (send, listen):
        command.add_argument("--host", default="localhost", help="server (default: %(default)s)")
        command.add_argument("--port", type=_port, default=2345, help="its smpp-port (default: %(default)s)")
        command.add_argument("--system-id", required=True)
        command.add_argument("--password", required=True)
    _add_send_options(send)
    listen.add_argument("--bind", choices=("receiver", "transceiver"), default="receiver")
    listen.add_argument(
        "--count", type=lambda text: _count(text, 1), metavar="N", help="end after N messages and reports"
    )
    listen.add_argument(
        "--wait", type=_seconds, metavar="S", help="end after S seconds (default: until Ctrl-C)"
    )
    options = parser.parse_args(argv)
    problem = _problem(options)
    if problem:
        (send if options.command == "send" else listen).error(problem)
    return options


def _add_send_options(send: argparse.ArgumentParser) -> None:
    send.add_argument("--from", dest="source", required=True, metavar="ADDRESS", help="number or name")
    send.add_argument("--to", dest="destination", required=True, metavar="ADDRESS", help="number")
    send.add_argument("--text", required=True)
    send.add_argument("--receipt", action="store_true", help="ask for a delivery report and wait for it")
    send.add_argument(
        "--expect",
        type=_count,
        default=0,
        metavar="N",
        help="also wait for N messages from mobiles",
    )
    send.add_argument(
        "--data-coding",
        type=_octet,
        metavar="N",
        help="0 GSM, 3 Latin-1, 8 UCS-2, ... (default: GSM, or UCS-2 when the text needs it)",
    )
    send.add_argument(
        "--long",
        choices=("parts", "payload"),
        default="parts",
        help="long texts as concatenated parts or whole in message_payload (default: %(default)s)",
    )
    send.add_argument("--bind", choices=("transceiver", "transmitter"), default="transceiver")
    send.add_argument(
        "--wait",
        type=_seconds,
        default=PATIENCE,
        metavar="S",
        help="seconds to wait (default: %(default)g)",
    )


def _number(text: str, base: int, low: int, high: float, words: str) -> int:
    try:
        number = int(text, base)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"must be {words}")
    return number


def _count(text: str, least: int = 0) -> int:
    return _number(text, 10, least, math.inf, f"{least} or more")


def _port(text: str) -> int:
    return _number(text, 10, 1, 65535, "1 to 65535")


def _octet(text: str) -> int:
    return _number(text, 0, 0, 0xFF, "0 to 255")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not 0 < seconds <= FOREVER:
        raise argparse.ArgumentTypeError("must be a number of seconds, more than 0")
    return seconds


def _problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the arguments together; None when they will do."""
    for name, value, longest in (
        ("--system-id", options.system_id, LONGEST_SYSTEM_ID),
        ("--password", options.password, LONGEST_PASSWORD - 1),
    ):
        if not value.isascii() or not value.isprintable() or len(value) > longest:
            return f"{name} must be at most {longest} printable ASCII characters"
    if options.command == "listen":
        return None
    for name, value in (("--from", options.source), ("--to", options.destination)):
        if not value.isascii() or not value.isprintable() or len(value.lstrip("+")) > LONGEST_ADDRESS:
            return f"{name} must be at most {LONGEST_ADDRESS} printable ASCII characters"
    if options.bind == "transmitter" and (options.receipt or options.expect):
        return "a transmitter receives nothing: use --bind transceiver, or 'ksmppd-esme listen' beside it"
    return None


def _address(prefix: str, value: str) -> dict[str, object]:
    """The three fields of an address: +number is international, a name alphanumeric (SMPP 3.4, 5.2.5)."""
    ton, npi = (0, 1) if value.isdigit() else (5, 0)
    if value.startswith("+") and value[1:].isdigit():
        ton, npi, value = 1, 1, value[1:]
    name = "destination_addr" if prefix == "dest" else "source_addr"
    return {f"{prefix}_addr_ton": ton, f"{prefix}_addr_npi": npi, name: value}


def _submissions(options: argparse.Namespace) -> list[dict[str, object]]:
    """The fields of every submit_sm that the text needs. Raises TextError."""
    data_coding, octets = texts.encode(options.text, options.data_coding)
    common = {
        **_address("source", options.source),
        **_address("dest", options.destination),
        "registered_delivery": 1 if options.receipt else 0,
        "data_coding": data_coding,
    }
    if options.long == "payload":
        if len(octets) > LONGEST_PAYLOAD:
            raise texts.TextError(
                f"{len(octets)} octets don't fit into a message_payload ({LONGEST_PAYLOAD})"
            )
        if len(octets) > LONGEST_SHORT_MESSAGE:
            return [{**common, "message_payload": octets}]
        return [{**common, "short_message": octets}]
    parts = texts.split(octets, data_coding, reference=os.getpid())
    esm_class = 0x40 if len(parts) > 1 else 0  # the parts start with a user data header
    return [{**common, "esm_class": esm_class, "short_message": part} for part in parts]


def _send(options: argparse.Namespace) -> int:
    submissions = _submissions(options)
    deadline = time.monotonic() + options.wait
    link = Link(options.host, options.port, options.wait, _tell)
    try:
        session = Session(link)
        session.bind(options.bind, options.system_id, options.password, deadline)
        try:
            message_ids = [session.submit(deadline, **fields) for fields in submissions]
            _await_reports(session, message_ids if options.receipt else [], deadline)
            _await_messages(session, options.expect, deadline)
        finally:
            session.unbind()
    finally:
        link.close()
    return 0


def _await_reports(session: Session, message_ids: list[str], deadline: float) -> None:
    """Wait for the final delivery report of every message. Raises EsmeError when one is missing."""

    def missing() -> set[str]:
        return set(message_ids) - {receipt.message_id for receipt in session.receipts if receipt.final}

    if not session.wait_until(lambda: not missing(), deadline):
        raise EsmeError(f"accepted, but no delivery report came in time for {', '.join(sorted(missing()))}")


def _await_messages(session: Session, expected: int, deadline: float) -> None:
    """Wait for messages that are no reports. Raises EsmeError when some are missing."""
    if not session.wait_until(lambda: session.messages >= expected, deadline):
        raise EsmeError(f"accepted, but only {session.messages} of {expected} expected messages came in time")


def _listen(options: argparse.Namespace) -> int:
    seconds = FOREVER if options.wait is None else options.wait
    patience = min(seconds, PATIENCE)
    link = Link(options.host, options.port, patience, _tell)
    try:
        session = Session(link)
        session.bind(options.bind, options.system_id, options.password, time.monotonic() + patience)
        try:
            enough = FOREVER if options.count is None else options.count
            session.wait_until(lambda: session.arrived >= enough, time.monotonic() + seconds)
        except KeyboardInterrupt:
            pass  # the way to end it
        finally:
            session.unbind()
    finally:
        link.close()
    if options.count is not None and session.arrived < options.count:
        raise EsmeError(f"{session.arrived} of {options.count} came before the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
