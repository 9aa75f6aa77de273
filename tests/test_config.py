"""ksmppd's own groups: values, references, and every problem with its file and line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ksmppd_py.config import (
    AccessLogFormat,
    Config,
    ConfigProblems,
    DatabaseType,
    Method,
    MysqlConnection,
    SmppTlv,
    Sqlite3Connection,
    WaitAckAction,
    load,
)
from ksmppd_py.config.convert import to_table_name
from ksmppd_py.errors import StartError
from ksmppd_py.smpp.tlvs import TlvType

KSMPPD = "group = ksmppd\ndatabase-type = mysql\ndatabase-config = demo\n"
MYSQL = "group = mysql-connection\nid = demo\nhost = h\nusername = u\npassword = s3cret\ndatabase = d\n"
BOX = "group = bearerbox-connection\nhost = localhost\nport = 13001\n"
HTTP = "group = http-server\nport = 14010\npassword = s3cret\n"
REST = "\n\n" + "\n".join([MYSQL, BOX, HTTP])


def read(directory: Path, text: str) -> Config:
    path = directory / "x.conf"
    path.write_text(text)
    return load(str(path))


def problems_of(directory: Path, text: str) -> list[str]:
    """Return what load complains about, without the file's name."""
    with pytest.raises(ConfigProblems) as caught:
        read(directory, text)
    assert isinstance(caught.value, StartError)
    prefix = f"{directory / 'x.conf'}:"
    return [problem.removeprefix(prefix).strip() for problem in caught.value.problems]


def warnings_of(directory: Path, text: str) -> list[str]:
    prefix = f"{directory / 'x.conf'}:"
    return [warning.removeprefix(prefix) for warning in read(directory, text).warnings]


def test_variables_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the type of the key is looked at; one that isn't set breaks no file that is good without it."""
    monkeypatch.setenv("KSMPPD_TEST_PORT", "0x10")
    monkeypatch.setenv("KSMPPD_TEST_NAME", "acme")
    monkeypatch.delenv("KSMPPD_TEST_NOBODY", raising=False)
    text = f"{KSMPPD}smpp-port = ${{KSMPPD_TEST_PORT}}\nid = ${{KSMPPD_TEST_NAME}}{REST}"
    text = text.replace("s3cret", "pass${KSMPPD_TEST_NOBODY}")
    config = read(tmp_path, text)
    assert (config.ksmppd.smpp_port, config.ksmppd.id) == (16, "acme")
    assert config.http_server.password == "pass${KSMPPD_TEST_NOBODY}"
    assert [warning.split(": ")[1] for warning in config.warnings] == ["'password'", "'password'"]
    monkeypatch.setenv("KSMPPD_TEST_PORT", "none")
    assert problems_of(tmp_path, text) == ["4: 'smpp-port': 'none' is not a whole number."]


def test_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, KSMPPD + REST)
    ksmppd = config.ksmppd
    assert dataclasses.asdict(ksmppd) == {
        "id": "",
        "log_file": "",
        "log_level": 0,
        "access_log": "",
        "access_log_format": AccessLogFormat.KANNEL,
        "access_log_text": False,
        "event_log": "",
        "smpp_port": 2345,
        "interface": "",
        "smpp_tls_port": 0,
        "smpp_tls_only": False,
        "smpp_tls_cert_file": "",
        "smpp_tls_key_file": "",
        "smpp_tls_ca_file": "",
        "smpp_proxy_protocol": False,
        "smpp_proxy_allow_ip": (),
        "database_type": DatabaseType.MYSQL,
        "database_config": "demo",
        "database_user_table": "smpp_user",
        "database_store_table": "smpp_store",
        "database_pdu_table": "smpp_queued_pdu",
        "database_route_table": "smpp_route",
        "database_version_table": "smpp_version",
        "database_enable_queue": False,
        "default_max_open_acks": 500,
        "inbound_queue_threads": 1,
        "outbound_queue_threads": 1,
        "auth_method": Method.DATABASE,
        "auth_url": "",
        "auth_plugin_id": "",
        "accounts_refresh_interval": 0,
        "auth_ssl_trusted_ca_file": "",
        "ip_blocklist_time": 300,
        "ip_blocklist_attempts": 5,
        "ip_blocklist_exempt_ips": (),
        "wait_ack_action": WaitAckAction.DISCONNECT,
        "wait_ack_timeout": 120,
        "session_init_timeout": 60,
        "enquire_link_interval": 180,
        "inactivity_timeout": 540,
        "switch_dlr_addr": False,
        "default_alt_charset": None,
        "dlr_err_length": 3,
        "dlr_profile": "kannel",
        "queue_max_age": 0,
        "queue_max_rows": 0,
        "long_mo_as_payload": False,
        "submit_fields_in_meta_data": False,
        "max_unbound_connections": 1000,
        "dlr_always": False,
        "query_memory": 100_000,
        "simulation_delay": 0,
    }
    assert config.routing.routing_method is Method.DATABASE
    assert (config.routing.http_num_callers, config.routing.http_max_outstanding_requests) == (1, 512)
    assert (config.http_server.port, config.http_server.password) == (14010, "s3cret")
    assert [(box.id, box.host, box.port, box.ssl) for box in config.bearerboxes] == [
        ("", "localhost", 13001, False)
    ]
    assert config.database == MysqlConnection(
        id="demo", host="h", username="u", password="s3cret", database="d", port=0, max_connections=1
    )
    assert (config.auth_plugin, config.routing_plugin, config.tlvs, config.warnings) == (None, None, (), ())


def test_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    extra = """id = SERVER
log-file = x.log
log-level = 3
smpp-port = 0
interface = 127.0.0.1
database-user-table = other.users$
database-enable-queue = yes
auth-method = DataBase
ip-blocklist-exempt-ips = 10.0.0.1; 192.168.*.*,127.0.0.1
wait-ack-action = 1
switch-dlr-addr = true
default-alt-charset = ISO-8859-1
"""
    config = read(tmp_path, KSMPPD + extra + REST)
    ksmppd = config.ksmppd
    assert (ksmppd.id, ksmppd.log_file, ksmppd.log_level) == ("SERVER", str(tmp_path / "x.log"), 3)
    assert (ksmppd.smpp_port, ksmppd.interface) == (0, "127.0.0.1")
    assert (ksmppd.database_user_table, ksmppd.database_enable_queue) == ("other.users$", True)
    assert ksmppd.ip_blocklist_exempt_ips == ("10.0.0.1", "192.168.*.*", "127.0.0.1")
    assert ksmppd.wait_ack_action is WaitAckAction.DROP
    assert (ksmppd.switch_dlr_addr, ksmppd.default_alt_charset) == (True, "ISO-8859-1")
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("value", "length"),
    [("3", 3), ("5", 5), ("16", 16), ("0", 16), ("whole", 16), ("Whole", 16)],
)
def test_dlr_err_length(tmp_path: Path, value: str, length: int) -> None:
    assert read(tmp_path, f"{KSMPPD}dlr-err-length = {value}\n{REST}").ksmppd.dlr_err_length == length


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    plugin = "\ngroup = ksmppd-plugin\nid = p\npath = json\nargs = s3cret"
    text = KSMPPD + "auth-method = 4\nauth-plugin-id = p\nauth-url = http://u:s3cret@h/\n" + REST + plugin
    config = read(tmp_path, text + "\n\ngroup = smpp-routing\nhttp-routing-url = http://u:s3cret@h/")
    assert config.auth_plugin is not None
    assert config.auth_plugin.args == "s3cret"
    assert "s3cret" not in repr(config)


@pytest.mark.parametrize("word", ["1", "database", "DATABASE", "0x1"])
def test_methods_by_number_and_word(tmp_path: Path, word: str) -> None:
    config = read(
        tmp_path, KSMPPD + f"auth-method = {word}\n" + REST + f"\ngroup = smpp-routing\nrouting-method={word}"
    )
    assert config.ksmppd.auth_method is Method.DATABASE
    assert config.routing.routing_method is Method.DATABASE


@pytest.mark.parametrize("word", ["2", "http", "Http"])
def test_http_without_any_database(tmp_path: Path, word: str) -> None:
    routing = f"group = smpp-routing\nrouting-method = {word}\nhttp-routing-url = http://h/r\n"
    text = f"group = ksmppd\nauth-method = {word}\nauth-url = http://h/a\n\n{BOX}\n{HTTP}\n{routing}"
    config = read(tmp_path, text)
    assert config.database is None
    assert (config.ksmppd.auth_method, config.ksmppd.auth_url) == (Method.HTTP, "http://h/a")
    assert (config.routing.routing_method, config.routing.http_routing_url) == (Method.HTTP, "http://h/r")
    wanting = text.replace("auth-method", "database-enable-queue = 1\nauth-method")
    assert problems_of(tmp_path, wanting) == [
        "1: 'database-type' is missing, 'database-enable-queue' needs a database."
    ]


def test_one_plugin_for_both(tmp_path: Path) -> None:
    plugin = "\ngroup = ksmppd-plugin\nid = p\npath = json\ninit-function = begin\n"
    routing = "\ngroup = smpp-routing\nrouting-method = plugin\nplugin-id = p"
    config = read(tmp_path, KSMPPD + "auth-method = 4\nauth-plugin-id = p\n" + REST + plugin + routing)
    assert config.auth_plugin is not None
    assert config.auth_plugin is config.routing_plugin
    assert (config.auth_plugin.path, config.auth_plugin.init_function) == ("json", "begin")


def test_plugin_files_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugin = "\ngroup = ksmppd-plugin\nid = p\npath = sub/mine.py\n"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/mine.py").touch()
    config = read(tmp_path, KSMPPD + "auth-method = 4\nauth-plugin-id = p\n" + REST + plugin)
    assert config.auth_plugin is not None
    assert (config.auth_plugin.path, config.auth_plugin.init_function) == (f"{tmp_path}/sub/mine.py", "init")


def test_keys_of_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    routing = read(tmp_path, KSMPPD + REST).routing
    assert (routing.routes_refresh_interval, routing.default_smsc_after_source_refusal) == (0, False)
    text = (
        KSMPPD
        + "auth-ssl-trusted-ca-file = ca.pem\n"
        + REST
        + """\n
group = smpp-routing
routes-refresh-interval = 60
default-smsc-after-source-refusal = true
http-routing-ssl-trusted-ca-file = /etc/ca.pem
"""
    )
    config = read(tmp_path, text)
    assert config.ksmppd.auth_ssl_trusted_ca_file == f"{tmp_path}/ca.pem"
    routing = config.routing
    assert (routing.routes_refresh_interval, routing.default_smsc_after_source_refusal) == (60, True)
    assert routing.http_routing_ssl_trusted_ca_file == "/etc/ca.pem"


def test_sqlite3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ksmppd = "group = ksmppd\ndatabase-type = SQLite3\ndatabase-config = demo\n\n"
    sqlite = (
        "group = sqlite3-connection\nid = demo\ndatabase = x.db\nmax-connections = 0\nlock-timeout = 250\n"
    )
    config = read(tmp_path, ksmppd + sqlite + REST)
    assert config.database == Sqlite3Connection(
        id="demo", database=str(tmp_path / "x.db"), max_connections=1, lock_timeout=250
    )
    memory = read(tmp_path, ksmppd + sqlite.replace("x.db", ":memory:") + REST)
    assert memory.database is not None
    assert memory.database.database == ":memory:"


def test_tlvs(tmp_path: Path) -> None:
    tlv = "\ngroup = smpp-tlv\nname = {}\ntag = {}\ntype = {}\nlength = 8\n"
    text = (
        tlv.format("a", "0x1400", "OctetString")
        + tlv.format("b", "5121", "integer")
        + "smsc-id = x;y;\nconst = 1\n"
    )
    text += tlv.format("a", "0x1400", "nulterminated") + "smsc-id = x\n"
    assert read(tmp_path, KSMPPD + REST + text).tlvs == (
        SmppTlv(name="a", tag=0x1400, length=8, type=TlvType.OCTETS),
        SmppTlv(name="b", tag=0x1401, length=8, type=TlvType.INTEGER, smsc_ids=("x", "y"), const="1"),
        SmppTlv(name="a", tag=0x1400, length=8, type=TlvType.C_STRING, smsc_ids=("x",)),
    )


def test_groups_of_kannel_are_nobody_s_business(tmp_path: Path) -> None:
    text = "\ngroup = core\nwhatever = 1\n\ngroup = smsc\nx = y\n"
    text += "\ngroup = redis-connection\nhost = h\nidle-timeout = 1\n"
    unused = "\ngroup = mysql-connection\nid = other\n\ngroup = ksmppd-plugin\nid = unused\npath = /x/y.so"
    assert read(tmp_path, KSMPPD + REST + text + unused).warnings == ()


@pytest.mark.parametrize("name", ["a b", "a`b", "", "a.b.c", "x;y", "a-b", ".a", "ä", "a..b", "a" * 65])
def test_what_is_no_table_name(name: str) -> None:
    with pytest.raises(ValueError, match="is no table name"):
        to_table_name(name, pytest.fail)


@pytest.mark.parametrize("name", ["smpp_user", "my_store$2", "kannel.MyPdus"])
def test_table_names(name: str) -> None:
    assert to_table_name(name, pytest.fail) == name


BAD: dict[str, tuple[str, list[str]]] = {
    "unknown key": (
        KSMPPD + "smpp-prt = 1" + REST,
        ["4: Group 'ksmppd' may not contain field 'smpp-prt'. Did you mean 'smpp-port'?"],
    ),
    "unknown group": (
        KSMPPD + REST + "\ngroup = nosuch\nbogus = 1",
        ["21: Group 'nosuch' is no valid group identifier."],
    ),
    "a trailing comment": (
        KSMPPD + REST + "\ngroup = core # c",
        ["21: Group 'core # c' is no valid group identifier."],
    ),
    "unknown key of a foreign connection": (
        KSMPPD + REST + "\ngroup = mssql-connection\nport = 1",
        ["22: Group 'mssql-connection' may not contain field 'port'."],
    ),
    "unknown key of an unused connection": (
        KSMPPD + REST + "\ngroup = sqlite3-connection\nhost = 1",
        ["22: Group 'sqlite3-connection' may not contain field 'host'."],
    ),
    "bad numbers": (
        KSMPPD
        + "smpp-port = 2345 # here\nwait-ack-action = 2\nwait-ack-timeout = 0\nip-blocklist-time = x"
        + REST,
        [
            "4: 'smpp-port': '2345 # here' is not a whole number.",
            "5: 'wait-ack-action': 2 is neither 0 (disconnect) nor 1 (drop).",
            "6: 'wait-ack-timeout': 0 is not at least 1.",
            "7: 'ip-blocklist-time': 'x' is not a whole number.",
        ],
    ),
    "an error code of two characters": (
        KSMPPD + "dlr-err-length = 2" + REST,
        ["4: 'dlr-err-length': 2 is neither `whole` nor 3 to 16 characters."],
    ),
    "an error code of too many characters": (
        KSMPPD + "dlr-err-length = 17" + REST,
        ["4: 'dlr-err-length': 17 is neither `whole` nor 3 to 16 characters."],
    ),
    "an error code of all characters": (
        KSMPPD + "dlr-err-length = all" + REST,
        ["4: 'dlr-err-length': 'all' is not a whole number."],
    ),
    "bad words": (
        KSMPPD
        + "auth-method = 3\ndatabase-type = oracle"
        + REST
        + "\ngroup = smpp-routing\nrouting-method = no",
        [
            "5: 'database-type': 'oracle' is none of mysql, pgsql, sqlite3.",
            "4: 'auth-method': '3' is none of 1 or database, 2 or http, 4 or plugin.",
            "23: 'routing-method': 'no' is none of 1 or database, 2 or http, 4 or plugin.",
        ],
    ),
    "table names": (
        KSMPPD
        + "database-user-table = a b\ndatabase-pdu-table = a..b\n"
        + "database-store-table = x;\ndatabase-route-table = a.b.c"
        + REST,
        [
            f"{line}: '{key}': '{name}' is no table name (at most 64 letters, digits, '_', '$'; a database's name "
            "and '.' before it)."
            for line, key, name in (
                (4, "database-user-table", "a b"),
                (5, "database-pdu-table", "a..b"),
                (6, "database-store-table", "x;"),
                (7, "database-route-table", "a.b.c"),
            )
        ],
    ),
    "no database-type": (
        "group = ksmppd\n" + REST,
        ["1: 'database-type' is missing, 'auth-method' 1 (database) needs a database."],
    ),
    "no database-type, only routing needs it": (
        "group = ksmppd\nauth-method = http\nauth-url = http://h" + REST,
        ["1: 'database-type' is missing, 'routing-method' 1 (database) needs a database."],
    ),
    "no database-config": (
        "group = ksmppd\ndatabase-type = mysql" + REST,
        ["2: 'database-type' needs 'database-config', the id of a connection group."],
    ),
    "database-config of another type": (
        KSMPPD.replace("mysql", "sqlite3") + REST,
        ["3: There is no group 'sqlite3-connection' with the id 'demo'."],
    ),
    "connection incomplete": (
        KSMPPD
        + REST.replace("host = h\n", "").replace("password = s3cret\ndatabase = d", "max-connections = -1"),
        [
            "9: 'max-connections': -1 is not at least 0.",
            "6: Group 'mysql-connection' needs the field 'host'.",
            "6: Group 'mysql-connection' needs the field 'password'.",
            "6: Group 'mysql-connection' needs the field 'database'.",
        ],
    ),
    "a codec that is no character set": (
        KSMPPD + "default-alt-charset = idna" + REST,
        ["4: 'default-alt-charset': 'idna' is no known character set."],
    ),
    "http without URLs": (
        KSMPPD + "auth-method = 2" + REST + "\ngroup = smpp-routing\nrouting-method = 2",
        [
            "4: Authentication by http needs the field 'auth-url'.",
            "22: No 'http-routing-url' specified in 'smpp-routing' group, cannot proceed.",
        ],
    ),
    "plugins": (
        KSMPPD + "auth-method = plugin" + REST + "\ngroup = smpp-routing\nrouting-method = 4\nplugin-id = X",
        [
            "4: A plugin is requested, but no 'auth-plugin-id' is set.",
            "23: Plugin settings for id 'X' are not specified!",
        ],
    ),
    "plugin without path": (
        KSMPPD + "auth-method = 4\nauth-plugin-id = p" + REST + "\ngroup = ksmppd-plugin\nid = p",
        ["22: Group 'ksmppd-plugin' needs the field 'path'."],
    ),
    "plugin of the C daemon": (
        KSMPPD
        + "auth-method = 4\nauth-plugin-id = p"
        + REST
        + "\ngroup = ksmppd-plugin\nid = p\npath = /x/y.so",
        [
            "24: 'path': '/x/y.so' is a shared object for the C daemon and can't be loaded here; write its decisions "
            "as a Python module (docs/plugins.md) and let 'path' name that .py file."
        ],
    ),
    "plugin path": (
        KSMPPD
        + "auth-method = 4\nauth-plugin-id = p"
        + REST
        + "\ngroup = ksmppd-plugin\nid = p\npath = no/such",
        ["24: 'path': 'no/such' is neither a .py file nor the name of a Python module."],
    ),
    "empty password": (
        KSMPPD + REST.replace("port = 14010\npassword = s3cret", "port = 14010\npassword ="),
        ["19: Group 'http-server' needs the field 'password', which is empty."],
    ),
    "ssl": (
        KSMPPD + REST + "ssl = 1",
        ["20: 'ssl' needs the field 'ssl-server-cert-file'."],
    ),
    "ssl with a certificate that isn't there": (
        KSMPPD + REST + "ssl = 1\nssl-server-cert-file = /nowhere/cert.pem",
        ["21: 'ssl-server-cert-file': /nowhere/cert.pem doesn't exist."],
    ),
    "ssl with what is no certificate": (
        KSMPPD + REST + "ssl = 1\nssl-server-cert-file = /dev/null\nssl-server-key-file = /dev/null",
        ["21: 'ssl-server-cert-file': /dev/null is a device."],
    ),
    "bearerbox port": (
        KSMPPD + REST.replace("port = 13001", "port = 130010"),
        ["15: 'port': 130010 is not between 0 and 65535."],
    ),
    "no usable bearerbox": (
        KSMPPD + REST.replace("host = localhost\nport = 13001", "host = localhost"),
        ["13: No valid 'bearerbox-connection' configuration specified, cannot continue."],
    ),
    "tlv incomplete": (
        KSMPPD + REST + "\ngroup = smpp-tlv\nname = a\ntag = 0x10000\ntype = x\nlength = 1",
        [
            "23: 'tag': 65536 is not between 0 and 65535.",
            "24: 'type': 'x' is none of octetstring, nulterminated, integer.",
        ],
    ),
    "tlvs twice": (
        KSMPPD
        + REST
        + "\ngroup = smpp-tlv\nname = a\ntag = 1\ntype = integer\nlength = 9\nsmsc-id = x;y\n"
        + "\ngroup = smpp-tlv\nname = a\ntag = 1\ntype = integer\nlength = 4\nsmsc-id = y\n",
        [
            "25: SMPP: An integer TLV of 9 octets, 1 to 8 are possible.",
            "29: SMPP: Double TLV name a found, the other is at {file}:21.",
            "30: SMPP: Double TLV tag 1 found, the other is at {file}:21.",
        ],
    ),
    "broken lines and wrong keys together": (
        "group = ksmppd\nsmpp-prt = 1\nfoo\n" + REST,
        [
            "3: An equals sign ('=') is missing.",
            "2: Group 'ksmppd' may not contain field 'smpp-prt'. Did you mean 'smpp-port'?",
            "1: 'database-type' is missing, 'auth-method' 1 (database) needs a database.",
        ],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_problems(tmp_path: Path, case: str) -> None:
    text, expected = BAD[case]
    file = str(tmp_path / "x.conf")
    assert problems_of(tmp_path, text) == [problem.replace("{file}", file) for problem in expected]


def test_an_empty_file_lacks_everything(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "") == [
        f"1: No group 'ksmppd' configured in {tmp_path / 'x.conf'}, cannot start.",
        "1: No 'http-server' group configured, cannot continue.",
        "1: No valid 'bearerbox-connection' configuration specified, cannot continue.",
    ]


def test_a_missing_file(tmp_path: Path) -> None:
    path = str(tmp_path / "missing")
    with pytest.raises(ConfigProblems, match="Unable to read configuration file") as caught:
        load(path)
    assert caught.value.problems == [f"{path}: cannot read it: No such file or directory"]


def test_problems_name_the_included_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").write_text(KSMPPD + "bogus = 1\n")
    (tmp_path / "main").write_text(f"include = more\n{REST}")
    with pytest.raises(ConfigProblems) as caught:
        load("main")
    assert caught.value.problems == ["more:4: Group 'ksmppd' may not contain field 'bogus'."]


def test_strange_values_are_told(tmp_path: Path) -> None:
    extra = "id = sixteen-octets-x\nlog-level = 7\nip-blocklist-exempt-ips = 10.0.\n"
    extra += "database-enable-queue = 2\nsmpp-port = 04451\n"
    tlv = "\ngroup = smpp-tlv\nname = a\ntag = 1\ntype = integer\nlength = 4\nsmsc-id = Smsc\n"
    assert warnings_of(tmp_path, KSMPPD + extra + REST + tlv) == [
        "4: 'id': only the first 15 octets fit into a bind response.",
        "5: 'log-level': there is no level 7, 4 is taken.",
        "6: 'ip-blocklist-exempt-ips': '10.0.' is no IP address ('*' for any octet or group), no network, "
        "and matches nobody.",
        "7: 'database-enable-queue': '2' is neither true nor false, 'true' is assumed.",
        "8: 'smpp-port': 04451 has a leading zero and is octal, that is 2345.",
        "31: 'smsc-id': 'Smsc' matches no account, accounts are compared in lower case.",
    ]


def test_a_bearerbox_without_port_is_skipped(tmp_path: Path) -> None:
    text = KSMPPD + REST + "\ngroup = bearerbox-connection\nid = broken\nhost = h\nport = 0"
    assert [box.host for box in read(tmp_path, text).bearerboxes] == ["localhost"]
    assert warnings_of(tmp_path, text) == [
        "21: Mandatory parameters missing for bearerbox ('host' and 'port'), the group is skipped."
    ]


def test_the_first_of_two_connections_with_the_same_id(tmp_path: Path) -> None:
    config = read(tmp_path, KSMPPD + REST + "\n" + MYSQL.replace("host = h", "host = other"))
    assert isinstance(config.database, MysqlConnection)
    assert config.database.host == "h"
    assert len(config.warnings) == 1
    assert config.warnings[0].startswith(f"{config.file}:22: The id 'demo' is taken by the group at")


def test_the_later_of_two_single_groups(tmp_path: Path) -> None:
    config = read(tmp_path, "group = ksmppd\nid = first\nlog-file = x\n\n" + KSMPPD + REST)
    assert (config.ksmppd.id, config.ksmppd.log_file) == ("", "")
    assert len(config.warnings) == 1
