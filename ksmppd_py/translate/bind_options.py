"""The settings of one bind that translation needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ksmppd_py.translate.dlr_profile import KANNEL, DlrProfile
from ksmppd_py.translate.tlvs import NO_DEFINITIONS, TlvTable


@dataclass(frozen=True, slots=True)
class BindOptions:
    """Settings of a bind; TLVs are read from any version, but sent from 0x34 on only.

    `alt_charset` stands for GSM 03.38 in data_coding 0, under a name that Python knows. `profile` is the form of
    receipts, and the alphabet of data_coding 1. `long_mo_as_payload`: a long MO comes whole in message_payload.
    `fields_in_meta_data`: TON, NPI and data_coding of submits travel in meta_data's group `smpp`.
    `dlr_always`: the bearerbox is asked for final reports whatever the ESME asked for.
    """

    interface_version: int = 0x34
    alt_charset: str | None = None
    tlvs: TlvTable = NO_DEFINITIONS
    profile: DlrProfile = KANNEL
    long_mo_as_payload: bool = False
    fields_in_meta_data: bool = False
    dlr_always: bool = False
    takes_tlvs: bool = field(init=False)
    """Whether this bind may be sent TLVs (SMPP 3.4, 3.3)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "takes_tlvs", self.interface_version >= 0x34)
