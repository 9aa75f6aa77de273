"""The records inside of submit_multi and its response, described as the PDUs are."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.fields import c_octet_string, integer

_DESTINATION = CommandStatus.RINVDSTADR


@dataclass(slots=True)
class SmeAddress:
    """One destination of submit_multi, dest_flag 1 (4.5.1.1)."""

    dest_addr_ton: int = integer(1)  # 5.2.5
    dest_addr_npi: int = integer(1)  # 5.2.6
    destination_addr: bytes = c_octet_string(21, _DESTINATION)  # 5.2.9


@dataclass(slots=True)
class DistributionList:
    """Many destinations of submit_multi by one name, dest_flag 2 (4.5.1.2)."""

    dl_name: bytes = c_octet_string(21)  # 5.2.27


@dataclass(slots=True)
class UnsuccessSme:
    """One destination that submit_multi did not reach (4.5.2.1)."""

    dest_addr_ton: int = integer(1)  # 5.2.5
    dest_addr_npi: int = integer(1)  # 5.2.6
    destination_addr: bytes = c_octet_string(21, _DESTINATION)  # 5.2.9
    error_status_code: int = integer(4)  # 5.1.3
