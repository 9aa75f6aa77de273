"""Checks the smpp-tlv groups together: within one id, and among those without, names and tags must be unique."""

from __future__ import annotations

from collections.abc import Sequence

from kannel_conf import Findings, Group, Place
from ksmppd_py.config.groups import SmppTlv
from ksmppd_py.smpp.tlvs import TlvType


def check_tlvs(tlvs: Sequence[tuple[SmppTlv, Group]], findings: Findings) -> None:
    """Report double names and tags, and integers of a length that no receiver can read."""
    names: dict[tuple[str | None, str], Place] = {}
    tags: dict[tuple[str | None, int], Place] = {}
    for tlv, group in tlvs:
        for system_id in dict.fromkeys(tlv.smsc_ids) or (None,):
            before = names.setdefault((system_id, tlv.name), group.place)
            if before is not group.place:
                text = f"SMPP: Double TLV name {tlv.name} found, the other is at {before}."
                findings.error(group.place_of("name"), text)
            before = tags.setdefault((system_id, tlv.tag), group.place)
            if before is not group.place:
                text = f"SMPP: Double TLV tag {tlv.tag} found, the other is at {before}."
                findings.error(group.place_of("tag"), text)
        if tlv.type is TlvType.INTEGER and not 1 <= tlv.length <= 8:
            findings.error(
                group.place_of("length"), f"SMPP: An integer TLV of {tlv.length} octets, 1 to 8 are possible."
            )
