"""The command line of ksmppd-esme: its options and their checks."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence

from smpplib import consts

from ksmppd_py.smpp.constants import MAX_DESTINATIONS
from ksmppd_py.tools import secret

PROGRAM = "ksmppd-esme"
FOREVER = 10 * 365 * 86_400.0  # seconds; `listen` without --wait
TIMEOUT = 60.0  # seconds for connecting, binding and, unless --wait says more, for a report
LONGEST_SYSTEM_ID, LONGEST_ADDRESS, LONGEST_ID = 15, 20, 64
WINDOW = 10
EPILOG = f"""examples:
  export {secret.VARIABLE}=demo     # or type it when asked
  ksmppd-esme send --system-id demo --from 12345 --to +46701234567 --text Hello --receipt
  ksmppd-esme send --system-id demo --from 12345 --to 46701234567 --text Hello --count 10000 --rate 500 --window 50
  ksmppd-esme send --system-id demo --from Shop --to 46701234567 --text Sale --flash --validity 2h --tlv 0x1400=0xCAFE
  ksmppd-esme listen --system-id demo --bind receiver --count 1 --wait 60
  ksmppd-esme query --system-id demo --from 12345 --id 3f0c7c5e-3a4f-4b5e-9a63-0d8f4f1f6a52
  ksmppd-esme cancel --system-id demo --from 12345 --to 46701234567
  ksmppd-esme listen --system-id demo --host smpp.example.com --port 3550 --tls --json --hex
"""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; ends the program with status 2 for a wrong one. The password is looked for later."""
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="An SMPP client that prints every PDU in readable form.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="send|listen|query|cancel")
    adders = {"send": _add_send, "listen": _add_listen, "query": _add_query, "cancel": _add_cancel}
    helps = {
        "send": "submit a message, or many",
        "listen": "print arriving messages",
        "query": "ask for the state of a message (query_sm)",
        "cancel": "cancel a message that waits (cancel_sm)",
    }
    parsers = {
        name: commands.add_parser(
            name,
            help=helps[name],
            description=f"{helps[name][0].upper()}{helps[name][1:]}.",
            allow_abbrev=False,
        )
        for name in adders
    }
    for name, add in adders.items():
        _add_common(parsers[name])
        add(parsers[name])
    options = parser.parse_args(argv)
    problem = _problem(options)
    if problem:
        parsers[options.command].error(problem)
    return options


def password_problem(password: str, longest: int) -> str | None:
    """Return the reason why this can't be a password; None when it can."""
    if not password.isascii() or not password.isprintable() or len(password) > longest:
        return f"--password must be at most {longest} printable ASCII characters"
    return None


def _add_common(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("server and account")
    server.add_argument("--host", default="localhost", help="server (default: %(default)s)")
    server.add_argument("--port", type=_port, default=2345, help="its smpp-port (default: %(default)s)")
    server.add_argument(
        "--tls", action="store_true", help="speak TLS; --port is then the server's smpp-tls-port"
    )
    server.add_argument("--tls-ca", metavar="FILE", help="CA certificates (PEM) instead of the system's")
    server.add_argument("--tls-insecure", action="store_true", help="don't check the server's certificate")
    server.add_argument(
        "--tls-cert", metavar="FILE", help="a client certificate (PEM), with its key unless --tls-key"
    )
    server.add_argument("--tls-key", metavar="FILE", help="the key of --tls-cert (PEM)")
    server.add_argument("--system-id", required=True)
    secret.add_options(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="a JSON object a line instead of words")
    output.add_argument(
        "--hex", action="store_true", help="the octets of every PDU, too (never the password's)"
    )


def _add_send(send: argparse.ArgumentParser) -> None:
    _add_source(send)
    send.add_argument(
        "--to",
        dest="destinations",
        action="append",
        required=True,
        metavar="ADDRESS",
        help="number; several --to are one submit_multi",
    )
    send.add_argument(
        "--to-ton", type=_octet, metavar="N", help="type of number of --to (default: as with --from)"
    )
    send.add_argument("--to-npi", type=_octet, metavar="N", help="its numbering plan")
    _add_message(send)
    _add_load(send)
    send.add_argument("--bind", choices=("transceiver", "transmitter"), default="transceiver")
    _add_wait(send, "seconds to wait; with --count, without any answer (default: %(default)g)")


def _add_message(send: argparse.ArgumentParser) -> None:
    send.add_argument("--text", required=True)
    send.add_argument("--flash", action="store_true", help="message class 0: shown at once and not kept")
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
    send.add_argument(
        "--validity", type=_duration, metavar="TIME", help="validity_period: 90, 90s, 15m, 2h, 3d"
    )
    send.add_argument("--schedule", type=_duration, metavar="TIME", help="schedule_delivery_time, from now")
    send.add_argument(
        "--tlv",
        dest="tlvs",
        type=_tlv,
        action="append",
        default=[],
        metavar="TAG=VALUE",
        help="an optional parameter: tag as number or name, value as text or 0x...; may be repeated",
    )
    send.add_argument("--receipt", action="store_true", help="ask for a delivery report and wait for it")
    send.add_argument(
        "--expect", type=_count, default=0, metavar="N", help="also wait for N messages from mobiles"
    )


def _add_load(send: argparse.ArgumentParser) -> None:
    load = send.add_argument_group("many messages (a summary instead of PDUs)")
    load.add_argument("--count", type=_at_least_one, metavar="N", help="send the message N times")
    load.add_argument(
        "--rate", type=_rate, default=0.0, metavar="N", help="at most N a second (default: no limit)"
    )
    load.add_argument(
        "--window",
        type=_at_least_one,
        default=WINDOW,
        metavar="N",
        help="at most N without an answer at a time (default: %(default)s)",
    )


def _add_listen(listen: argparse.ArgumentParser) -> None:
    listen.add_argument("--bind", choices=("receiver", "transceiver"), default="receiver")
    listen.add_argument("--count", type=_at_least_one, metavar="N", help="end after N messages and reports")
    listen.add_argument(
        "--wait", type=_seconds, metavar="S", help="end after S seconds (default: until Ctrl-C)"
    )


def _add_query(query: argparse.ArgumentParser) -> None:
    _add_source(query)
    query.add_argument("--id", required=True, help="the message_id of the submit_sm_resp")
    query.add_argument("--bind", choices=("transceiver", "transmitter"), default="transceiver")
    _add_wait(query)


def _add_cancel(cancel: argparse.ArgumentParser) -> None:
    _add_source(cancel)
    cancel.add_argument("--id", default="", help="the message_id; without it all between --from and --to")
    cancel.add_argument(
        "--to", dest="destinations", action="append", default=[], metavar="ADDRESS", help="number"
    )
    cancel.add_argument("--to-ton", type=_octet, metavar="N", help="its type of number")
    cancel.add_argument("--to-npi", type=_octet, metavar="N", help="its numbering plan")
    cancel.add_argument("--bind", choices=("transceiver", "transmitter"), default="transceiver")
    _add_wait(cancel)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", required=True, metavar="ADDRESS", help="number or name")
    parser.add_argument(
        "--from-ton",
        type=_octet,
        metavar="N",
        help="type of number (default: 1 with a plus sign, 5 for a name, else 0)",
    )
    parser.add_argument(
        "--from-npi", type=_octet, metavar="N", help="numbering plan (default: 1, 0 for a name)"
    )


def _add_wait(parser: argparse.ArgumentParser, words: str = "seconds to wait (default: %(default)g)") -> None:
    parser.add_argument("--wait", type=_seconds, default=TIMEOUT, metavar="S", help=words)


def _number(text: str, base: int, low: int, high: float, words: str) -> int:
    try:
        number = int(text, base)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"must be {words}")
    return number


def _count(text: str) -> int:
    return _number(text, 10, 0, math.inf, "0 or more")


def _at_least_one(text: str) -> int:
    return _number(text, 10, 1, math.inf, "1 or more")


def _port(text: str) -> int:
    return _number(text, 10, 1, 65535, "1 to 65535")


def _octet(text: str) -> int:
    return _number(text, 0, 0, 0xFF, "0 to 255")


def _seconds(text: str) -> float:
    return _real(text, FOREVER, "seconds")


def _rate(text: str) -> float:
    return _real(text, 1e9, "messages a second")


def _real(text: str, most: float, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of {unit}") from None
    if not 0 < number <= most:
        raise argparse.ArgumentTypeError(f"must be a number of {unit}, more than 0")
    return number


def _duration(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= FOREVER:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90, 90s, 15m, 2h or 3d")
    return seconds


def _tlv(text: str) -> tuple[int, bytes]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not TAG=VALUE")
    tag = consts.OPTIONAL_PARAMS.get(name)
    if tag is None:
        try:
            tag = int(name, 0)
        except ValueError:
            reason = f"{name!r} is neither a whole number nor the name of a parameter of SMPP 3.4"
            raise argparse.ArgumentTypeError(reason) from None
        if not 0 <= tag <= 0xFFFF:
            raise argparse.ArgumentTypeError("must be a tag of 0 to 0xFFFF, or a name of SMPP 3.4")
    try:
        octets = bytes.fromhex(value[2:]) if value.startswith("0x") else value.encode()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not hexadecimal") from None
    if len(octets) > 0xFFFF:
        raise argparse.ArgumentTypeError("a value has at most 65535 octets")
    return tag, octets


def _problem(options: argparse.Namespace) -> str | None:
    """Return the first contradiction between arguments; None when there is none."""
    name = options.system_id
    if not name.isascii() or not name.isprintable() or len(name) > LONGEST_SYSTEM_ID:
        return f"--system-id must be at most {LONGEST_SYSTEM_ID} printable ASCII characters"
    if not options.tls and (options.tls_ca or options.tls_insecure or options.tls_cert or options.tls_key):
        return "--tls-ca, --tls-insecure, --tls-cert and --tls-key need --tls"
    if options.tls_key and not options.tls_cert:
        return "--tls-key needs --tls-cert"
    if options.command == "listen":
        return None
    addresses = [("--from", options.source)]
    addresses += [("--to", value) for value in getattr(options, "destinations", ())]
    for option, value in addresses:
        if not value.isascii() or not value.isprintable() or len(value.lstrip("+")) > LONGEST_ADDRESS:
            return f"{option} must be at most {LONGEST_ADDRESS} printable ASCII characters"
    return _send_problem(options) if options.command == "send" else _id_problem(options)


def _send_problem(options: argparse.Namespace) -> str | None:
    one = options.count is None
    several = len(options.destinations) > 1
    problems = {
        "a transmitter receives nothing: use --bind transceiver, or 'ksmppd-esme listen' beside it": (
            options.bind == "transmitter" and (options.receipt or options.expect)
        ),
        "--flash is a data_coding itself, give one of the two": (
            options.flash and options.data_coding is not None
        ),
        "--expect doesn't go with --count": not one and options.expect,
        "--rate and --window need --count": one and (options.rate or options.window != WINDOW),
        f"a submit_multi has at most {MAX_DESTINATIONS} destinations": (
            len(options.destinations) > MAX_DESTINATIONS
        ),
        "all reports of a submit_multi have one message_id: use 'ksmppd-esme listen' to see them": (
            several and options.receipt
        ),
    }
    return next((text for text, wrong in problems.items() if wrong), None)


def _id_problem(options: argparse.Namespace) -> str | None:
    if not options.id.isascii() or not options.id.isprintable() or len(options.id) > LONGEST_ID:
        return f"--id must be at most {LONGEST_ID} printable ASCII characters"
    if options.command == "cancel" and not options.id and not options.destinations:
        return "cancel needs --id, or --to"
    if len(getattr(options, "destinations", ())) > 1:
        return "cancel takes one --to"
    return None
