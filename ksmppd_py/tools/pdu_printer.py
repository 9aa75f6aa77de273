"""Prints PDUs for ksmppd-esme: a line of words or a JSON object for each, with its octets if wanted."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ksmppd_py.tools import texts, words

SENT, RECEIVED = "sent", "received"
_HIDDEN = ("password", "short_message", "message_payload", "dest_addresses")


class PduPrinter:
    """`as_json`: print JSON objects instead of words; `octets`: add each PDU in hexadecimal; `quiet`: print no PDUs."""

    def __init__(self, as_json: bool = False, octets: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self._octets = octets
        self._quiet = quiet

    def pdu(self, direction: str, pdu: Any, octets: bytes, tlvs: Sequence[tuple[int, bytes]] = ()) -> None:
        """Print a PDU; `tlvs` are those that smpplib doesn't know."""
        if self._quiet:
            return
        shown = _without_password(pdu, octets).hex() if self._octets else ""
        if self.as_json:
            facts = {
                **_facts(pdu),
                **({"tlvs": {f"0x{tag:04X}": value.hex() for tag, value in tlvs}} if tlvs else {}),
            }
            self.object({"direction": direction, **facts, **({"octets": shown} if shown else {})})
            return
        more = "".join(f", TLV 0x{tag:04X} {value.hex() or '(empty)'}" for tag, value in tlvs)
        print(f"{direction:<9} {words.describe(pdu)}{more}", flush=True)
        if shown:
            print(f"{'':<9} {shown}", flush=True)

    def unreadable(self, octets: bytes) -> None:
        """Print a PDU that can't be read."""
        _, command_id, status, sequence = struct.unpack(">4L", octets[:16])
        if self.as_json:
            facts = {"command": f"0x{command_id:08X}", "sequence": sequence, "status": status}
            self.object({"direction": RECEIVED, **facts, "unreadable": True, "octets": octets.hex()})
            return
        print(f"received  unreadable PDU 0x{command_id:08X} #{sequence}, status 0x{status:02X}", flush=True)
        if self._octets:
            print(f"{'':<9} {octets.hex()}", flush=True)

    def object(self, facts: dict[str, Any]) -> None:
        """Print one JSON object, with the time, on a line."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        print(json.dumps({"time": now, **facts}, ensure_ascii=False), flush=True)


def _without_password(pdu: Any, octets: bytes) -> bytes:
    """Return the octets of a bind with `*` for each octet of the password."""
    password = getattr(pdu, "password", None)
    if not password:
        return octets
    start = octets.index(b"\0", 16) + 1
    return octets[:start] + b"*" * len(password) + octets[start + len(password) :]


def _facts(pdu: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"command": pdu.command, "sequence": pdu.sequence}
    if words.is_response(pdu):
        facts |= {"status": pdu.status, "status_name": words.status_name(pdu.status)}
    for field in getattr(pdu, "params_order", ()):
        value = getattr(pdu, field, None)
        if field not in _HIDDEN and value is not None and value != b"":
            facts[field] = words.text_of(value) if isinstance(value, bytes | str) else value
    if pdu.command in words.MESSAGES:
        facts |= _message_facts(pdu)
    if getattr(pdu, "refused", None):
        facts["refused"] = [{"address": address, "status": status} for address, status in pdu.refused]
    return facts


def _message_facts(pdu: Any) -> dict[str, Any]:
    udh, octets = words.body_of(pdu)
    text = texts.decode(octets, pdu.data_coding or 0)
    facts: dict[str, Any] = {"body": octets.hex()} if text is None else {"text": text}
    if udh:
        facts["udh"] = udh.hex()
    receipt = words.receipt_of(pdu) if pdu.command == "deliver_sm" else None
    if receipt is not None:
        facts["receipt"] = {
            "message_id": receipt.message_id,
            "stat": receipt.stat,
            "err": receipt.err,
            "done": receipt.done,
            "final": receipt.final,
        }
    if pdu.command == "submit_multi":
        facts["destinations"] = words.destinations_of(pdu)
    return facts
