"""From the configuration to what each room is built with."""

from __future__ import annotations

from urllib.parse import urlsplit

from ksmppd_py.accesslog.log import AccessLogSettings
from ksmppd_py.bearerbox.settings import BoxSettings
from ksmppd_py.config import AccessLogFormat, Config, MysqlConnection
from ksmppd_py.config.convert import url_problem
from ksmppd_py.esme.settings import BlockListSettings, SessionSettings, TlsSettings
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.settings import ConnectionSettings, TableNames
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTables


def boxes(config: Config) -> list[BoxSettings]:
    """The bearerboxes to connect to."""
    return [
        BoxSettings(box.host, box.port, box.id or None, box.ssl, box.smsbox_max_pending)
        for box in config.bearerboxes
    ]


def hosts(config: Config) -> list[str]:
    """The names that will be looked up, each as often as there is something to reach there."""
    found = [box.host for box in config.bearerboxes]
    if isinstance(config.database, MysqlConnection):
        found.append(config.database.host)
    urls = (config.ksmppd.auth_url, config.routing.http_routing_url)
    return found + [host for host in (urlsplit(url).hostname for url in urls if not url_problem(url)) if host]


def tlvs(config: Config) -> TlvTables:
    """The operator's own optional parameters."""
    return TlvTables(
        TlvDefinition.from_group(tlv.name, tlv.tag, tlv.length, tlv.type.value, ";".join(tlv.smsc_ids))
        for tlv in config.tlvs
    )


def session_settings(config: Config, server_id: str | None = None) -> SessionSettings:
    """What holds for all sessions; `server_id` instead of the configured one."""
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
    """When addresses are blocked."""
    ksmppd = config.ksmppd
    exempt = " ".join(ksmppd.ip_blocklist_exempt_ips)
    return BlockListSettings(ksmppd.ip_blocklist_attempts, ksmppd.ip_blocklist_time, exempt)


def plain_port(config: Config) -> int | None:
    """The port for SMPP without TLS, None when there is to be none."""
    return None if config.ksmppd.smpp_tls_only else config.ksmppd.smpp_port


def tls(config: Config) -> TlsSettings | None:
    """The port for TLS, if there is to be one."""
    ksmppd = config.ksmppd
    if not ksmppd.smpp_tls_port:
        return None
    return TlsSettings(
        ksmppd.smpp_tls_port, ksmppd.smpp_tls_cert_file, ksmppd.smpp_tls_key_file, ksmppd.smpp_tls_ca_file
    )


def admin_certificate(config: Config) -> tuple[str | None, str | None]:
    """Certificate and key of the administration port; (None, None) when it speaks no TLS."""
    http = config.http_server
    if not http.ssl:
        return None, None
    return http.ssl_server_cert_file or None, http.ssl_server_key_file or None


def proxies(config: Config) -> str:
    """Whose connections start with a PROXY header."""
    ksmppd = config.ksmppd
    return " ".join(ksmppd.smpp_proxy_allow_ip) if ksmppd.smpp_proxy_protocol else ""


def access_log(config: Config) -> AccessLogSettings:
    """Where the access log is, and how it looks."""
    ksmppd = config.ksmppd
    json = ksmppd.access_log_format is AccessLogFormat.JSON
    return AccessLogSettings(ksmppd.access_log, json, ksmppd.access_log_text)


def table_names(config: Config) -> TableNames:
    """The tables' names in this configuration."""
    ksmppd = config.ksmppd
    return TableNames(
        user=ksmppd.database_user_table,
        route=ksmppd.database_route_table,
        store=ksmppd.database_store_table,
        pdu=ksmppd.database_pdu_table,
        version=ksmppd.database_version_table,
    )


def open_database(config: Config) -> Database:
    """The configured database, not yet connected; one in memory when nothing needs any."""
    group = config.database
    if group is None:
        return SQLiteDatabase(ConnectionSettings(id="", database=":memory:"))
    if isinstance(group, MysqlConnection):
        return MySQLDatabase(
            ConnectionSettings(
                id=group.id,
                database=group.database,
                host=group.host,
                port=group.port,
                username=group.username,
                password=group.password,
                max_connections=group.max_connections,
            )
        )
    return SQLiteDatabase(
        ConnectionSettings(
            id=group.id,
            database=group.database,
            max_connections=group.max_connections,
            lock_timeout=group.lock_timeout,
        )
    )
