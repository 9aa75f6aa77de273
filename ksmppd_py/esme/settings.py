"""Settings of sessions and ports that are computed from the values of group ksmppd."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

from ksmppd_py.config import Config, KsmppdGroup, SmppTlv, WaitAckAction
from ksmppd_py.config.convert import LONGEST_SYSTEM_ID
from ksmppd_py.esme.dlr_profiles import DlrProfiles
from ksmppd_py.smpp.timers import TimerSettings
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTables
from ksmppd_py.transport.tls import server_context


def server_id(ksmppd: KsmppdGroup) -> bytes:
    """Return the system_id of bind responses, at most 15 octets of `id`."""
    return ksmppd.id.encode("utf-8", "surrogateescape")[:LONGEST_SYSTEM_ID]


def timers(ksmppd: KsmppdGroup) -> TimerSettings:
    """Return the timers that run on silence, in seconds (SMPP 3.4, 7.2); the response timer is wait-ack-timeout."""
    return TimerSettings(
        session_init=ksmppd.session_init_timeout,
        enquire_link=ksmppd.enquire_link_interval,
        inactivity=ksmppd.inactivity_timeout,
    )


def drops_unanswered(ksmppd: KsmppdGroup) -> bool:
    """Whether a deliver_sm without an answer counts as done; otherwise its bind is closed."""
    return ksmppd.wait_ack_action is WaitAckAction.DROP


def tls_context(ksmppd: KsmppdGroup) -> ssl.SSLContext | None:
    """Read the certificates of smpp-tls-port; None when it is 0. Raises StartError when a file can't be used."""
    if not ksmppd.smpp_tls_port:
        return None
    return server_context(ksmppd.smpp_tls_cert_file, ksmppd.smpp_tls_key_file, ksmppd.smpp_tls_ca_file)


def proxies(ksmppd: KsmppdGroup) -> str:
    """Return the patterns of addresses whose connections start with a PROXY header, "" for none."""
    return " ".join(ksmppd.smpp_proxy_allow_ip) if ksmppd.smpp_proxy_protocol else ""


def dlr_profiles(config: Config) -> DlrProfiles:
    """Return the profiles of this configuration."""
    return DlrProfiles(config.dlr_profiles, config.ksmppd.dlr_profile, config.database is not None)


def tlv_tables(groups: Iterable[SmppTlv]) -> TlvTables:
    """Return the operator's own optional parameters."""
    return TlvTables(TlvDefinition(tlv.name, tlv.tag, tlv.length, tlv.type, tlv.smsc_ids) for tlv in groups)
