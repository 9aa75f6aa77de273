"""Makes the settings of each package from the configuration."""

from __future__ import annotations

from urllib.parse import urlsplit

from ksmppd_py.accesslog.log import AccessLogSettings
from ksmppd_py.config import AccessLogFormat, Config, MysqlConnection, Sqlite3Connection
from ksmppd_py.config.convert import url_problem
from ksmppd_py.esme.settings import BlockListSettings, SessionSettings, TlsSettings
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTables


def hosts(config: Config) -> list[str]:
    """Return the host names that will be looked up, once for each use."""
    found = [box.host for box in config.bearerboxes]
    if isinstance(config.database, MysqlConnection):
        found.append(config.database.host)
    urls = (config.ksmppd.auth_url, config.routing.http_routing_url)
    return found + [host for host in (urlsplit(url).hostname for url in urls if not url_problem(url)) if host]


def tlvs(config: Config) -> TlvTables:
    """Return the operator's own optional parameters."""
    return TlvTables(
        TlvDefinition.from_group(tlv.name, tlv.tag, tlv.length, tlv.type.value, ";".join(tlv.smsc_ids))
        for tlv in config.tlvs
    )


def session_settings(config: Config, server_id: str | None = None) -> SessionSettings:
    """Return the settings of all sessions; `server_id` replaces the configured one."""
    ksmppd = config.ksmppd
    return SessionSettings(
        server_id=(ksmppd.id if server_id is None else server_id).encode("utf-8", "surrogateescape")[:15],
        max_open_acks=ksmppd.default_max_open_acks,
        wait_ack_timeout=ksmppd.wait_ack_timeout,
        wait_ack_drops=ksmppd.wait_ack_action.value == 1,
        session_init_timeout=ksmppd.session_init_timeout,
        enquire_link_interval=ksmppd.enquire_link_interval,
        inactivity_timeout=ksmppd.inactivity_timeout,
        switch_dlr_addr=ksmppd.switch_dlr_addr,
        default_alt_charset=ksmppd.default_alt_charset,
        dlr_err_length=ksmppd.dlr_err_length,
        long_mo_as_payload=ksmppd.long_mo_as_payload,
        submit_fields_in_meta_data=ksmppd.submit_fields_in_meta_data,
        max_unbound=ksmppd.max_unbound_connections,
    )


def block_list(config: Config) -> BlockListSettings:
    """Return when addresses are blocked."""
    ksmppd = config.ksmppd
    exempt = " ".join(ksmppd.ip_blocklist_exempt_ips)
    return BlockListSettings(ksmppd.ip_blocklist_attempts, ksmppd.ip_blocklist_time, exempt)


def plain_port(config: Config) -> int | None:
    """Return the port for SMPP without TLS; None without one."""
    return None if config.ksmppd.smpp_tls_only else config.ksmppd.smpp_port


def tls(config: Config) -> TlsSettings | None:
    """Return the port for TLS; None without one."""
    ksmppd = config.ksmppd
    if not ksmppd.smpp_tls_port:
        return None
    return TlsSettings(
        ksmppd.smpp_tls_port, ksmppd.smpp_tls_cert_file, ksmppd.smpp_tls_key_file, ksmppd.smpp_tls_ca_file
    )


def admin_certificate(config: Config) -> tuple[str | None, str | None]:
    """Return certificate and key of the administration port; (None, None) without TLS."""
    http = config.http_server
    if not http.ssl:
        return None, None
    return http.ssl_server_cert_file or None, http.ssl_server_key_file or None


def proxies(config: Config) -> str:
    """Return the patterns of addresses whose connections start with a PROXY header."""
    ksmppd = config.ksmppd
    return " ".join(ksmppd.smpp_proxy_allow_ip) if ksmppd.smpp_proxy_protocol else ""


def access_log(config: Config) -> AccessLogSettings:
    """Return the path and style of the access log."""
    ksmppd = config.ksmppd
    json = ksmppd.access_log_format is AccessLogFormat.JSON
    return AccessLogSettings(ksmppd.access_log, json, ksmppd.access_log_text)


def open_database(config: Config) -> Database:
    """Return the configured database, not yet connected; one in memory when none is needed."""
    group = config.database
    if isinstance(group, MysqlConnection):
        return MySQLDatabase(group)
    return SQLiteDatabase(group or Sqlite3Connection(database=":memory:"))
