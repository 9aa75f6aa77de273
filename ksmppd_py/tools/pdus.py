"""PDUs that smpplib lacks, declared in its way (SMPP 3.4, 4.5 and 4.9), and raw TLVs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, ClassVar

from smpplib import smpp
from smpplib.command import Command, Param
from smpplib.ptypes import ostr

HEADER = 16


class CancelSM(Command):  # type: ignore[misc]
    """cancel_sm."""

    params: ClassVar[dict[str, Param]] = {
        "service_type": Param(type=str, max=6),
        "message_id": Param(type=str, max=65),
        "source_addr_ton": Param(type=int, size=1),
        "source_addr_npi": Param(type=int, size=1),
        "source_addr": Param(type=str, max=21),
        "dest_addr_ton": Param(type=int, size=1),
        "dest_addr_npi": Param(type=int, size=1),
        "destination_addr": Param(type=str, max=21),
    }
    params_order = tuple(params)

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(command, **kwargs)
        self._set_vars(**dict.fromkeys(self.params))


class CancelSMResp(Command):  # type: ignore[misc]
    """cancel_sm_resp, which has no body."""

    params: ClassVar[dict[str, Param]] = {}
    params_order = ()

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(command, need_sequence=False, **kwargs)


class SubmitMulti(Command):  # type: ignore[misc]
    """submit_multi; `dest_addresses` holds number_of_dests entries as pack_destinations makes them."""

    params: ClassVar[dict[str, Param]] = {
        "service_type": Param(type=str, max=6),
        "source_addr_ton": Param(type=int, size=1),
        "source_addr_npi": Param(type=int, size=1),
        "source_addr": Param(type=str, max=21),
        "number_of_dests": Param(type=int, size=1),
        "dest_addresses": Param(type=ostr),
        "esm_class": Param(type=int, size=1),
        "protocol_id": Param(type=int, size=1),
        "priority_flag": Param(type=int, size=1),
        "schedule_delivery_time": Param(type=str, max=17),
        "validity_period": Param(type=str, max=17),
        "registered_delivery": Param(type=int, size=1),
        "replace_if_present_flag": Param(type=int, size=1),
        "data_coding": Param(type=int, size=1),
        "sm_default_msg_id": Param(type=int, size=1),
        "sm_length": Param(type=int, size=1),
        "short_message": Param(type=ostr),
        "message_payload": Param(type=ostr),
    }
    params_order = tuple(params)

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(command, **kwargs)
        self._set_vars(**dict.fromkeys(self.params))

    def prep(self) -> None:
        """Count the text; smpplib calls it before it packs."""
        self.sm_length = len(self.short_message or b"")


class SubmitMultiResp(Command):  # type: ignore[misc]
    """submit_multi_resp; `refused` has (address, command_status) of each destination that was refused."""

    params: ClassVar[dict[str, Param]] = {"message_id": Param(type=str, max=65)}
    params_order = ("message_id",)

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(command, need_sequence=False, **kwargs)
        self.message_id: bytes | None = None
        self.refused: list[tuple[str, int]] = []

    def parse_params(self, data: bytes) -> None:
        """Read message_id, no_unsuccess and as many unsuccess_sme. Raises ValueError when the PDU is cut off."""
        end = data.index(b"\0")
        self.message_id = data[:end]
        position = end + 2
        for _ in range(data[end + 1] if len(data) > end + 1 else 0):
            end = data.index(b"\0", position + 2)
            address = data[position + 2 : end].decode("ascii", "backslashreplace")
            (status,) = struct.unpack_from(">L", data, end + 1)
            self.refused.append((address, status))
            position = end + 5


_OURS: dict[str, type[Any]] = {
    "cancel_sm": CancelSM,
    "cancel_sm_resp": CancelSMResp,
    "submit_multi": SubmitMulti,
    "submit_multi_resp": SubmitMultiResp,
}


def make(command: str, **fields: Any) -> Any:
    """Return a PDU of this module's or smpplib's; `fields` are its parameters, `client` gives sequence numbers."""
    ours = _OURS.get(command)
    return ours(command, **fields) if ours else smpp.make_pdu(command, **fields)


def pack_destinations(addresses: Sequence[tuple[int, int, str]]) -> bytes:
    """Return the dest_address entries of a submit_multi: (TON, NPI, address) of each SME (SMPP 3.4, 4.5.1.1)."""
    return b"".join(bytes([1, ton, npi]) + address.encode("ascii") + b"\0" for ton, npi, address in addresses)


def with_tlvs(octets: bytes, tlvs: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a packed PDU with more optional parameters, (tag, value), at its end."""
    if not tlvs:
        return octets
    more = b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tlvs)
    return struct.pack(">L", len(octets) + len(more)) + octets[4:] + more
