"""The configuration reference: every group that we read, its keys with type, default, unit and meaning."""

# ruff: noqa: RUF009 - the functions that make fields are what dataclasses.field is

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kannel_conf import Change, boolean, converted, integer, keys_of, text
from ksmppd_py.config.convert import (
    AccessLogFormat,
    DatabaseType,
    Method,
    WaitAckAction,
    to_address_patterns,
    to_charset,
    to_err_length,
    to_host,
    to_interface,
    to_log_level,
    to_method,
    to_path,
    to_plugin_path,
    to_server_id,
    to_system_ids,
    to_table_name,
    to_utf8,
    to_wait_ack_action,
    to_word,
)
from ksmppd_py.config.databases import MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.config.dlr_groups import DlrProfileGroup, ErrorMapGroup, to_profile_id
from ksmppd_py.config.http_groups import HttpServer, HttpUser
from ksmppd_py.smpp.tlvs import TlvType
from ksmppd_py.translate.report_text import SHORT_ERR

RELOAD, NEVER = Change.RELOAD, Change.NEVER
"""Keys that say neither take a restart."""


def _log_level() -> int:
    doc = "minimum level in log-file: 0 debug, 1 info, 2 warning, 3 error, 4 panic"
    return converted(to_log_level, doc, type="integer", default=0, shown="0", change=RELOAD)


def _path(doc: str, change: Change = Change.RESTART) -> str:
    return converted(to_path, doc, type="path", default="", change=change)


def _table(name: str, doc: str) -> str:
    return converted(to_table_name, doc, type="table name", default=name, shown=name)


def _method(doc: str) -> Method:
    words = "1 or database, 2 or http, 4 or plugin"
    return converted(to_method, doc, type=words, default=Method.DATABASE, shown="1")


@dataclass(frozen=True, kw_only=True, slots=True)
class KsmppdGroup:
    """`group = ksmppd`: the server itself. Single, required."""

    id: str = converted(to_server_id, "system_id of this server in bind responses", type="string", default="")
    log_file: str = _path("file that log lines are appended to")
    log_level: int = _log_level()
    access_log: str = _path("file with a line for each submit and each delivery; none when absent", RELOAD)
    access_log_format: AccessLogFormat = converted(
        to_word(AccessLogFormat),
        "lines as bearerbox writes them, or one JSON object each",
        type="kannel or json",
        default=AccessLogFormat.KANNEL,
        shown="kannel",
        change=RELOAD,
    )
    access_log_text: bool = boolean(
        "the access log has the texts of messages; only their lengths otherwise", change=RELOAD
    )
    event_log: str = _path("file with a JSON object a line for each event; none when absent", RELOAD)
    smpp_port: int = integer("TCP port for ESMEs; 0 takes any free one", default=2345, low=0, high=65535)
    interface: str = converted(
        to_interface,
        "address that smpp-port and smpp-tls-port are bound to; all of IPv4 and IPv6 when absent, 0.0.0.0: all of IPv4",
        type="address",
        default="",
    )
    smpp_tls_port: int = integer("TCP port for ESMEs that speak TLS, 0 = none", default=0, low=0, high=65535)
    smpp_tls_only: bool = boolean("smpp-port isn't opened: ESMEs have to speak TLS on smpp-tls-port")
    smpp_tls_cert_file: str = _path("certificate of smpp-tls-port (PEM), with its chain", RELOAD)
    smpp_tls_key_file: str = _path(
        "its key (PEM), without passphrase; in smpp-tls-cert-file when absent", RELOAD
    )
    smpp_tls_ca_file: str = _path(
        "CA certificates (PEM); when given, ESMEs on smpp-tls-port need a certificate of one of these", RELOAD
    )
    smpp_proxy_protocol: bool = boolean(
        "connections from smpp-proxy-allow-ip start with a header of the PROXY protocol (version 1 or 2) that "
        "names the ESME's address",
        change=RELOAD,
    )
    smpp_proxy_allow_ip: tuple[str, ...] = converted(
        to_address_patterns,
        "addresses of the proxies, `*` for any octet or group, or networks; all others are ESMEs themselves",
        type="IP addresses",
        default=(),
        change=RELOAD,
    )
    database_type: DatabaseType | None = converted(
        to_word(DatabaseType),
        "kind of database; may be absent when nothing needs one",
        type="mysql, pgsql or sqlite3",
        default=None,
    )
    database_config: str = text("id of the connection group of the database")
    database_user_table: str = _table("smpp_user", "accounts and their credit")
    database_store_table: str = _table("smpp_store", "queued messages")
    database_pdu_table: str = _table("smpp_queued_pdu", "queued PDUs")
    database_route_table: str = _table("smpp_route", "routes of both directions")
    database_version_table: str = _table("smpp_version", "version of the schema")
    database_enable_queue: bool = boolean("queue in the database while no bearerbox or no receiver is there")
    queue_max_age: int = integer(
        "age from which stored MOs and reports of an account are dropped; 0 = never",
        default=0,
        unit="seconds",
        low=0,
        change=RELOAD,
    )
    queue_max_rows: int = integer(
        "stored MOs and reports of one account; of more the oldest are dropped; 0 = any number",
        default=0,
        low=0,
        change=RELOAD,
    )
    default_max_open_acks: int = integer(
        "unanswered deliver_sm allowed per bind", default=500, low=1, change=RELOAD
    )
    inbound_queue_threads: int = integer("accepted, without effect", default=1, change=NEVER)
    outbound_queue_threads: int = integer("accepted, without effect", default=1, change=NEVER)
    auth_method: Method = _method("who decides about binds")
    auth_url: str = text("URL asked about binds, for auth-method http", secret=True)
    auth_ssl_trusted_ca_file: str = _path(
        "CA certificates (PEM) that auth-url's server is checked against; the system's when absent"
    )
    auth_plugin_id: str = text("id of the ksmppd-plugin group, for auth-method plugin")
    accounts_refresh_interval: int = integer(
        "time after which changed rows of the user table reach binds; 0 = at the next bind, as in the C daemon",
        default=0,
        unit="seconds",
        low=0,
        change=RELOAD,
    )
    ip_blocklist_time: int = integer(
        "time since the last refused bind after which an address is forgiven",
        default=300,
        unit="seconds",
        low=0,
        change=RELOAD,
    )
    ip_blocklist_attempts: int = integer(
        "refused binds (wrong credentials, forbidden address) that block an address, 0 = none do",
        default=5,
        change=RELOAD,
    )
    ip_blocklist_exempt_ips: tuple[str, ...] = converted(
        to_address_patterns,
        "addresses never blocked, `*` for any octet or group, or networks",
        type="IP addresses",
        default=(),
        change=RELOAD,
    )
    wait_ack_action: WaitAckAction = converted(
        to_wait_ack_action,
        "when a deliver_sm stays unanswered: 0 disconnect the ESME, 1 drop the message",
        type="0 or 1",
        default=WaitAckAction.DISCONNECT,
        shown="0",
        change=RELOAD,
    )
    wait_ack_timeout: int = integer(
        "longest wait for a deliver_sm_resp", default=120, unit="seconds", low=1, change=RELOAD
    )
    session_init_timeout: int = integer(
        "time from connecting to binding", default=60, unit="seconds", low=1, change=RELOAD
    )
    enquire_link_interval: int = integer(
        "silence of the ESME after which enquire_link is sent",
        default=180,
        unit="seconds",
        low=1,
        change=RELOAD,
    )
    inactivity_timeout: int = integer(
        "silence of the ESME after which its bind is ended", default=540, unit="seconds", low=1, change=RELOAD
    )
    switch_dlr_addr: bool = boolean(
        "delivery receipts carry source and destination of the message exchanged, as SMPP 3.4 has it",
        change=RELOAD,
    )
    dlr_err_length: int = converted(
        to_err_length,
        "characters of error codes in delivery receipts, up to 16; 3, as in the C daemon, are always digits: some "
        "ESMEs read nothing else",
        type="number or whole",
        default=SHORT_ERR,
        shown="3",
        change=RELOAD,
    )
    dlr_profile: str = converted(
        to_profile_id,
        "dlr-profile of accounts that name none: kannel, standard, or the id of a group",
        type="string",
        default="kannel",
        shown="kannel",
        change=RELOAD,
    )
    long_mo_as_payload: bool = boolean(
        "long messages go to binds of SMPP 3.4 and later whole, in message_payload, instead of in parts",
        change=RELOAD,
    )
    submit_fields_in_meta_data: bool = boolean(
        "TON, NPI and data_coding of submits are passed on in meta_data, where the bearerbox's SMPP client finds them",
        change=RELOAD,
    )
    default_alt_charset: str | None = converted(
        to_charset,
        "character set of data_coding 0 for accounts without one of their own; GSM 03.38 when absent",
        type="charset",
        default=None,
        change=RELOAD,
    )
    max_unbound_connections: int = integer(
        "connections without a bind; one more and the oldest is closed, first of an address with more than a quarter",
        default=1000,
        low=1,
        change=RELOAD,
    )
    dlr_always: bool = boolean(
        "the bearerbox is asked for the final report of each message; the ESME gets those that it asked for",
        change=RELOAD,
    )
    query_memory: int = integer(
        "messages of all accounts together that query_sm knows, some 300 octets each", default=100_000, low=0
    )
    simulation_delay: int = integer(
        "time until simulated reports and messages are sent; 0 within a second",
        default=0,
        unit="milliseconds",
        low=0,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SmppRouting:
    """`group = smpp-routing`: the way in which messages are routed; by the database when absent. Single."""

    routing_method: Method = _method("who decides about routes")
    http_routing_url: str = text("URL asked about routes, for routing-method http", secret=True)
    http_routing_ssl_trusted_ca_file: str = _path(
        "CA certificates (PEM) that http-routing-url's server is checked against; the system's when absent"
    )
    http_num_callers: int = integer(
        "connections to the HTTP server that stay open; more come while messages wait", default=1, low=1
    )
    http_max_outstanding_requests: int = integer(
        "most requests (and connections) at a time, of binds as well; further messages and binds wait",
        default=512,
        low=1,
    )
    routes_refresh_interval: int = integer(
        "time after which changed rows of the route table are noticed; 0 = only by rebuild-routes",
        default=0,
        unit="seconds",
        low=0,
        change=RELOAD,
    )
    default_smsc_after_source_refusal: bool = boolean(
        "an account's default-smsc takes a message although its routes refuse the sender, as in the C daemon"
    )
    plugin_id: str = text("id of the ksmppd-plugin group, for routing-method plugin")


@dataclass(frozen=True, kw_only=True, slots=True)
class BearerboxConnection:
    """`group = bearerbox-connection`: one of Kannel's bearerboxes. Multi, at least one."""

    id: str = converted(
        to_utf8,
        "boxc_id of this server there; anonymous when absent",
        type="string",
        default="",
        change=RELOAD,
    )
    host: str = converted(to_host, "host name or address", type="host", change=RELOAD)
    port: int = integer("the bearerbox's smsbox-port", low=0, high=65535, change=RELOAD)
    ssl: bool = boolean("TLS, without verification", change=RELOAD)
    smsbox_max_pending: int = integer(
        "the bearerbox's own smsbox-max-pending: unacked messages that make it wait; no ESME gets all of them",
        default=100,
        unit="messages",
        low=1,
        change=RELOAD,
    )

    @property
    def name(self) -> str:
        """The name in log lines."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.id or 'anonymous'}@{host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class KsmppdPlugin:
    """`group = ksmppd-plugin`: a Python module that decides about binds or routes. Multi."""

    id: str = text("what auth-plugin-id and plugin-id name", required=True)
    path: str = converted(to_plugin_path, "Python file (.py) or name of a module", type="path or module")
    init_function: str = text("function that is called first", default="init")
    args: str = text("free text for the plugin", secret=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class SmppTlv:
    """`group = smpp-tlv`: an optional parameter of one's own. Multi; a wrong one ends the start."""

    name: str = converted(to_utf8, "key in the meta_data group smpp", type="string", change=RELOAD)
    tag: int = integer("tag, usually in hexadecimal", low=0, high=0xFFFF, change=RELOAD)
    length: int = integer(
        "longest value; of an integer the exact number of octets that is sent",
        unit="octets",
        low=0,
        high=0xFFFF,
        change=RELOAD,
    )
    type: TlvType = converted(
        to_word(TlvType),
        "how the value is written",
        type="octetstring, nulterminated or integer",
        change=RELOAD,
    )
    smsc_ids: tuple[str, ...] = converted(
        to_system_ids,
        "system_ids in lower case, `;` between; all when absent",
        type="ids",
        default=(),
        key="smsc-id",
        change=RELOAD,
    )
    const: str = text("for Kannel's own SMPP client, without effect here", change=NEVER)


SINGLE: dict[str, type[Any]] = {"ksmppd": KsmppdGroup, "smpp-routing": SmppRouting, "http-server": HttpServer}
MULTI: dict[str, type[Any]] = {
    "bearerbox-connection": BearerboxConnection,
    "dlr-profile": DlrProfileGroup,
    "error-map": ErrorMapGroup,
    "http-user": HttpUser,
    "ksmppd-plugin": KsmppdPlugin,
    "mysql-connection": MysqlConnection,
    "pgsql-connection": PgsqlConnection,
    "sqlite3-connection": Sqlite3Connection,
    "smpp-tlv": SmppTlv,
}
TYPES: dict[str, type[Any]] = SINGLE | MULTI

_GROUPS_OF_KEYS = [(spec.key, name) for name, group in TYPES.items() for spec in keys_of(group)]
_KEYS = [key for key, _ in _GROUPS_OF_KEYS]
HOMES = {key: name for key, name in _GROUPS_OF_KEYS if _KEYS.count(key) == 1}
"""The group of each key that only one has: for people who wrote it into another."""
