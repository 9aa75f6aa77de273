"""Reads a file into a Config: all groups bound, all references resolved, all problems collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import urlsplit

from kannel_conf import (
    KANNEL_GROUPS,
    KANNEL_SINGLE,
    Findings,
    Group,
    Place,
    bind_what_is_right,
    check_keys,
    did_you_mean,
    keep_last,
    nearest,
    read_groups,
)
from ksmppd_py.config import checks
from ksmppd_py.config.convert import Method, url_problem
from ksmppd_py.config.databases import Database, MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.config.dlr_groups import (
    DlrProfileGroup,
    ErrorMapGroup,
    check_error_map,
    check_profiles,
)
from ksmppd_py.config.files import database_problem, plugin_problem
from ksmppd_py.config.foreign import FOREIGN_KEYS, OF_FORKS
from ksmppd_py.config.groups import (
    HOMES,
    SINGLE,
    TYPES,
    BearerboxConnection,
    KsmppdGroup,
    KsmppdPlugin,
    SmppRouting,
    SmppTlv,
)
from ksmppd_py.config.http_groups import HttpServer, HttpUser
from ksmppd_py.config.tlvs import check_tlvs
from ksmppd_py.errors import StartError

T = TypeVar("T")


class ConfigProblems(StartError):
    """The configuration can't be used; `problems` are lines `file:line: text`, and so are `warnings`."""

    def __init__(self, file: str, problems: list[str], warnings: list[str]) -> None:
        super().__init__(f"Unable to read configuration file {file}: {problems[0]}")
        self.problems = problems
        self.warnings = warnings


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A whole configuration file. `database` is None when nothing needs one and none is configured.

    A plugin is there exactly when the method beside it is Method.PLUGIN.
    """

    file: str
    ksmppd: KsmppdGroup
    routing: SmppRouting
    http_server: HttpServer
    bearerboxes: tuple[BearerboxConnection, ...]
    database: Database | None = None
    auth_plugin: KsmppdPlugin | None = None
    routing_plugin: KsmppdPlugin | None = None
    tlvs: tuple[SmppTlv, ...] = ()
    http_users: tuple[HttpUser, ...] = ()
    dlr_profiles: tuple[DlrProfileGroup, ...] = ()
    error_map: tuple[ErrorMapGroup, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def hosts(self) -> list[str]:
        """The host names that are looked up while the server runs, once for each use."""
        found = [box.host for box in self.bearerboxes]
        if isinstance(self.database, MysqlConnection | PgsqlConnection):
            found += [host for host in self.database.host.split(",") if not host.startswith("/")]
        urls = (self.ksmppd.auth_url, self.routing.http_routing_url)
        return found + [
            host for host in (urlsplit(url).hostname for url in urls if not url_problem(url)) if host
        ]


def load(path: str) -> Config:
    """Read and check a configuration file. Raises ConfigProblems with everything that is wrong."""
    findings = Findings()
    groups = read_groups(path, findings)
    whole = len(findings.errors) == sum(len(group.broken) for group in groups)
    loader = _Loader(path, keep_last(groups, KANNEL_SINGLE | SINGLE.keys(), findings), findings)
    loader.check_names()
    if whole:
        config = loader.load()
    else:  # a file or a group is missing: only wrong keys are reported besides, not missing ones
        loader.check_rest()
        config = None
    if findings.errors or config is None:
        raise ConfigProblems(path, [str(error) for error in findings.errors], findings.warnings)
    return config


class _Consequences(Findings):
    """Problems of keys together, except those that name a key which is wrong by itself: that problem comes first."""

    __slots__ = ("wrong",)

    def __init__(self, first: Findings) -> None:
        super().__init__(first.errors, first.warnings)
        self.wrong: set[str] = set()

    def error(self, place: Place, reason: str) -> None:
        if not any(f"'{key}'" in reason for key in self.wrong):
            super().error(place, reason)

    def warning(self, place: Place, text: str) -> None:
        if not any(f"'{key}'" in text for key in self.wrong):
            super().warning(place, text)


class _Loader:
    def __init__(self, path: str, groups: list[Group], findings: Findings) -> None:
        self._path = path
        self._first = findings
        self._findings = _Consequences(findings)
        self._groups: dict[str, list[Group]] = {}
        self._bound: list[tuple[Group, object]] = []
        for group in groups:
            self._groups.setdefault(group.name, []).append(group)

    def load(self) -> Config | None:
        """Return None when a required group is missing or broken; the findings have all errors."""
        ksmppd = self._required(
            KsmppdGroup, "ksmppd", f"No group 'ksmppd' configured in {self._path}, cannot start."
        )
        http_server = self._required(
            HttpServer, "http-server", "No 'http-server' group configured, cannot continue."
        )
        routing_group = self._single("smpp-routing")
        routing = self._bind(SmppRouting, routing_group) if routing_group else SmppRouting()
        bearerboxes = self._bearerboxes()
        tlvs = self._tlvs()
        users = self._http_users()
        profiles = self._dlr_profiles(ksmppd)
        error_map = self._error_map()
        self._check_together(ksmppd, http_server)
        auth_plugin = self._check_auth(ksmppd)
        routing_plugin = self._check_routing(routing, routing_group)
        database = self._database(ksmppd, routing)
        self.check_rest()
        if ksmppd is None or http_server is None or routing is None:
            return None
        return Config(
            file=self._path,
            ksmppd=ksmppd,
            routing=routing,
            http_server=http_server,
            bearerboxes=bearerboxes,
            database=database,
            auth_plugin=auth_plugin,
            routing_plugin=routing_plugin,
            tlvs=tlvs,
            http_users=users,
            dlr_profiles=profiles,
            error_map=error_map,
            warnings=tuple(self._findings.warnings),
        )

    def _single(self, name: str) -> Group | None:
        found = self._groups.get(name)
        return found[0] if found else None

    def _required(self, group_type: type[T], name: str, missing: str) -> T | None:
        group = self._single(name)
        if group is None:
            self._findings.error(Place(self._path, 1), missing)
            return None
        return self._bind(group_type, group)

    def _bind(self, group_type: type[T], group: Group) -> T | None:
        for known, value in self._bound:
            if known is group:  # a plugin may both authenticate and route
                return cast("T | None", value)
        no_effect = OF_FORKS.get(group.name, {})
        bound, wrong = bind_what_is_right(group_type, group, self._first, no_effect, HOMES)
        if group.name in SINGLE:  # for the others no complaint combines keys of several groups
            self._findings.wrong |= wrong
        self._bound.append((group, bound))
        return bound

    def _is_bound(self, group: Group) -> bool:
        return any(known is group for known, _ in self._bound)

    def _bearerboxes(self) -> tuple[BearerboxConnection, ...]:
        boxes = []
        groups = self._groups.get("bearerbox-connection", [])
        broken = False
        for group in groups:
            texts = group.texts()
            complete = bool(texts.get("host") and texts.get("port"))
            box = self._bind(BearerboxConnection, group) if complete else None
            if complete and box is None:
                broken = True
            elif box is not None and box.port:
                boxes.append(box)
            else:
                text = "Mandatory parameters missing for bearerbox ('host' and 'port'), the group is skipped."
                self._first.warning(group.place, text)
        if not boxes and not broken:
            text = "No valid 'bearerbox-connection' configuration specified, cannot continue."
            self._findings.error(groups[0].place if groups else Place(self._path, 1), text)
        return tuple(boxes)

    def _all(self, name: str, group_type: type[T]) -> list[tuple[T, Group]]:
        """Return the groups of this name that can be used, with their places."""
        found = [(self._bind(group_type, group), group) for group in self._groups.get(name, [])]
        return [(bound, group) for bound, group in found if bound is not None]

    def _dlr_profiles(self, ksmppd: KsmppdGroup | None) -> tuple[DlrProfileGroup, ...]:
        profiles = self._all("dlr-profile", DlrProfileGroup)
        group = self._single("ksmppd")
        check_profiles(profiles, group is None or "database-type" in group.texts(), self._findings)
        wanted = ksmppd.dlr_profile if ksmppd is not None else "kannel"
        if group is not None and wanted not in ("kannel", "standard", *(each.id for each, _ in profiles)):
            text = f"There is no group 'dlr-profile' with the id '{wanted}'."
            self._findings.error(group.place_of("dlr-profile"), text)
        return tuple(profile for profile, _ in profiles)

    def _error_map(self) -> tuple[ErrorMapGroup, ...]:
        rules = self._all("error-map", ErrorMapGroup)
        check_error_map(rules, self._findings)
        return tuple(rule for rule, _ in rules)

    def _tlvs(self) -> tuple[SmppTlv, ...]:
        tlvs = self._all("smpp-tlv", SmppTlv)
        check_tlvs(tlvs, self._findings)
        return tuple(tlv for tlv, _ in tlvs)

    def _http_users(self) -> tuple[HttpUser, ...]:
        users = self._all("http-user", HttpUser)
        checks.check_http_users(users, self._findings)
        return tuple(user for user, _ in users)

    def _check_together(self, ksmppd: KsmppdGroup | None, http_server: HttpServer | None) -> None:
        group, server_group = self._single("ksmppd"), self._single("http-server")
        if ksmppd is not None and group is not None:
            checks.check_smpp(ksmppd, group, self._findings)
        if http_server is not None and server_group is not None:
            checks.check_http_server(http_server, server_group, self._findings)
            if ksmppd is not None and group is not None:
                checks.check_ports(ksmppd, group, http_server, server_group, self._findings)

    def _check_auth(self, ksmppd: KsmppdGroup | None) -> KsmppdPlugin | None:
        group = self._single("ksmppd")
        if ksmppd is None or group is None:
            return None
        checks.warn_unused(ksmppd.auth_method, group, "auth-method", checks.AUTH_KEYS, self._findings)
        if ksmppd.auth_method is Method.HTTP:
            self._check_http("auth", ksmppd.auth_url, ksmppd.auth_ssl_trusted_ca_file, group)
            if not ksmppd.auth_url:
                text = "Authentication by http needs the field 'auth-url'."
                self._findings.error(group.place_of("auth-method"), text)
        if ksmppd.auth_method is Method.PLUGIN:
            return self._plugin(group, ksmppd.auth_plugin_id, "auth-method", "auth-plugin-id")
        return None

    def _check_routing(self, routing: SmppRouting | None, group: Group | None) -> KsmppdPlugin | None:
        if routing is None or group is None:
            return None
        method = routing.routing_method
        checks.warn_unused(method, group, "routing-method", checks.ROUTING_KEYS, self._findings)
        if method is Method.HTTP:
            authorities = routing.http_routing_ssl_trusted_ca_file
            self._check_http("http-routing", routing.http_routing_url, authorities, group)
            if not routing.http_routing_url:
                text = "No 'http-routing-url' specified in 'smpp-routing' group, cannot proceed."
                self._findings.error(group.place_of("routing-method"), text)
        if method is Method.PLUGIN:
            return self._plugin(group, routing.plugin_id, "routing-method", "plugin-id")
        return None

    def _check_http(self, prefix: str, url: str, authorities: str, group: Group) -> None:
        """Check the address of an HTTP server and its authorities, in keys that begin with `prefix`."""
        checks.check_authorities(authorities, f"{prefix}-ssl-trusted-ca-file", group, self._findings)
        if url:
            checks.check_url(url, f"{prefix}-url", group, self._findings)

    def _plugin(self, group: Group, plugin_id: str, method_key: str, id_key: str) -> KsmppdPlugin | None:
        if not plugin_id:
            self._findings.error(
                group.place_of(method_key), f"A plugin is requested, but no '{id_key}' is set."
            )
            return None
        found = self._with_id("ksmppd-plugin", plugin_id)
        if found is None:
            text = f"Plugin settings for id '{plugin_id}' are not specified!"
            self._findings.error(group.place_of(id_key), text)
            return None
        known = self._is_bound(found)
        plugin = self._bind(KsmppdPlugin, found)
        if plugin is not None and not known:
            problem = plugin_problem(plugin.path)
            if problem:
                self._findings.error(found.place_of("path"), f"'path': {problem}.")
        return plugin

    def _database(self, ksmppd: KsmppdGroup | None, routing: SmppRouting | None) -> Database | None:
        group = self._single("ksmppd")
        if ksmppd is None or group is None:
            return None
        if ksmppd.database_type is None:
            wanted = _wants_database(ksmppd, routing)
            if wanted:
                self._findings.error(group.place, f"'database-type' is missing, {wanted} needs a database.")
            return None
        if not ksmppd.database_config:
            text = "'database-type' needs 'database-config', the id of a connection group."
            self._findings.error(group.place_of("database-type"), text)
            return None
        name = f"{ksmppd.database_type.value}-connection"
        found = self._with_id(name, ksmppd.database_config)
        if found is None:
            text = f"There is no group '{name}' with the id '{ksmppd.database_config}'."
            self._findings.error(group.place_of("database-config"), text)
            return None
        database: Database | None = self._bind(TYPES[name], found)
        if isinstance(database, Sqlite3Connection):
            problem = database_problem(database.database)
            if problem:
                self._findings.error(found.place_of("database"), f"'database': {problem}.")
        return database

    def _with_id(self, name: str, wanted: str) -> Group | None:
        found = [group for group in self._groups.get(name, []) if group.texts().get("id") == wanted]
        for other in found[1:]:
            text = f"The id '{wanted}' is taken by the group at {found[0].place}, this one is not used."
            self._findings.warning(other.place_of("id"), text)
        return found[0] if found else None

    def check_rest(self) -> None:
        """Check the groups that aren't used: their names and keys must be known, their values don't matter."""
        for name, groups in self._groups.items():
            for group in groups:
                if self._is_bound(group):
                    continue
                if name in TYPES:
                    check_keys(TYPES[name], group, self._first, OF_FORKS.get(name, {}), HOMES)
                elif name in FOREIGN_KEYS:
                    self._check_foreign(group, FOREIGN_KEYS[name])

    def check_names(self) -> None:
        """Refuse unknown groups.

        One whose name is nearly a known one isn't reported as missing under that name as well.
        """
        known = TYPES.keys() | FOREIGN_KEYS.keys() | KANNEL_GROUPS
        for name in [name for name in self._groups if name not in known]:
            meant = nearest(name, known)
            self._findings.wrong |= {meant} - {""}
            for group in self._groups[name]:
                place, strange = group.place_of("group"), group.values["group"].strange
                self._first.error(place, f"Group '{name}' is no valid group identifier.{did_you_mean(meant)}")
                if strange:
                    self._first.warning(place, f"'group': {strange}.")

    def _check_foreign(self, group: Group, keys: frozenset[str]) -> None:
        for key, value in group.values.items():
            if key != "group" and key not in keys:
                hint = did_you_mean(nearest(key, keys))
                self._first.error(value.place, f"Group '{group.name}' may not contain field '{key}'.{hint}")


def _wants_database(ksmppd: KsmppdGroup, routing: SmppRouting | None) -> str:
    """Return the key that needs a database, "" when none does."""
    if ksmppd.auth_method is Method.DATABASE:
        return "'auth-method' 1 (database)"
    if routing is not None and routing.routing_method is Method.DATABASE:
        return "'routing-method' 1 (database)"
    return "'database-enable-queue'" if ksmppd.database_enable_queue else ""
