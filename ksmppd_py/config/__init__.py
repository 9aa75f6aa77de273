"""The configuration: read once, checked as a whole, handed on as frozen dataclasses."""

from __future__ import annotations

from kannel_conf import printable
from ksmppd_py.config.changes import restart_changes
from ksmppd_py.config.convert import AccessLogFormat, DatabaseType, Method, SslMode, WaitAckAction
from ksmppd_py.config.databases import Database, MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.config.dlr_groups import DlrProfileGroup, ErrorMapGroup, MessageIdKind
from ksmppd_py.config.groups import (
    BearerboxConnection,
    KsmppdGroup,
    KsmppdPlugin,
    SmppRouting,
    SmppTlv,
)
from ksmppd_py.config.http_groups import HttpServer, HttpUser, UserRole
from ksmppd_py.config.load import Config, ConfigProblems, load
from ksmppd_py.config.reference import render_reference

__all__ = [
    "AccessLogFormat",
    "BearerboxConnection",
    "Config",
    "ConfigProblems",
    "Database",
    "DatabaseType",
    "DlrProfileGroup",
    "ErrorMapGroup",
    "HttpServer",
    "HttpUser",
    "KsmppdGroup",
    "KsmppdPlugin",
    "MessageIdKind",
    "Method",
    "MysqlConnection",
    "PgsqlConnection",
    "SmppRouting",
    "SmppTlv",
    "Sqlite3Connection",
    "SslMode",
    "UserRole",
    "WaitAckAction",
    "load",
    "printable",
    "render_reference",
    "restart_changes",
]
