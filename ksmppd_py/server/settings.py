"""Makes settings that come from several groups of the configuration."""

from __future__ import annotations

from ksmppd_py.admin.server import AdminSettings
from ksmppd_py.admin.users import Role, UserSettings
from ksmppd_py.config import (
    Config,
    HttpUser,
    KsmppdGroup,
)
from ksmppd_py.model.queue_limits import QueueLimit
from ksmppd_py.translate.error_map import ErrorMap, ErrorRule


def admin(config: Config) -> AdminSettings:
    """Return the settings of the administration port; without TLS no certificate."""
    http = config.http_server
    return AdminSettings(
        http.port,
        http.password,
        http.interface,
        certfile=(http.ssl and http.ssl_server_cert_file) or None,
        keyfile=(http.ssl and http.ssl_server_key_file) or None,
        host_names=http.host_names,
        users=[_user(user) for user in config.http_users],
        more_secrets=getattr(config.database, "password", "").encode("utf-8", "surrogateescape"),
        server_id=config.ksmppd.id.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        prometheus_url=http.prometheus_url,
    )


def queue_limit(ksmppd: KsmppdGroup) -> QueueLimit:
    """Return the limits of accounts without limits of their own."""
    return QueueLimit(ksmppd.queue_max_age, ksmppd.queue_max_rows)


def _user(user: HttpUser) -> UserSettings:
    password = user.password.encode("utf-8", "surrogateescape")
    return UserSettings(user.username, password, Role[user.role.name], ";".join(user.allow_ip))


def error_map(config: Config) -> ErrorMap | None:
    """Return the rules for reports; None without any."""
    rules = [
        ErrorRule(
            rule.smsc_id.encode("utf-8", "surrogateescape"),
            rule.code.encode(),
            rule.if_stat.encode(),
            rule.err.encode(),
            rule.stat.encode(),
            rule.refund,
        )
        for rule in config.error_map
    ]
    return ErrorMap(rules) if rules else None
