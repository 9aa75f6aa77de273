"""ksmppctl against a real daemon."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ksmppd_py.tools.ctl.main import main
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import Esme
from tests.integration.bed import BOX_ID, Bed, HttpsDaemon, StartBed, mt
from tests.parts.certificate import write_certificate
from tests.parts.config import Value
from tests.parts.daemon import PASSWORD, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[2]
KSMPPCTL = Path(sys.executable).with_name("ksmppctl")
_numbers = itertools.count(1)

Ctl = Callable[..., Any]


@pytest.fixture
def ctl(sqlite_bed: Bed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs a command, which has to succeed; with --json returns its value, else its output."""
    monkeypatch.setenv("CUSTOMER", "secret")

    def run(*words: str, code: int = 0) -> Any:
        ended = main(["-c", str(sqlite_bed.daemon.config_path), *words])
        captured = capsys.readouterr()
        assert ended == code, captured.err
        if code == 0:
            assert "Traceback" not in captured.err
            return json.loads(captured.out) if "--json" in words else captured.out
        assert captured.err.count("\n") == 1, captured.err
        return captured.out + captured.err

    return run


@pytest.fixture
def system_id() -> str:
    """The name of a new account."""
    return f"ctl{next(_numbers)}"


def bind(bed: Bed, system_id: str, password: str = "secret") -> Esme:
    """Connect and bind; the session ends with the test."""
    esme = bed.connect()
    assert esme.bind(system_id, password).command_status == wire.ROK
    return esme


def test_a_customer_from_first_to_last(sqlite_bed: Bed, ctl: Ctl, system_id: str) -> None:
    bed = sqlite_bed
    added = ctl(
        *("account", "add", system_id, "--throughput", "50", "--route", r"^\+49", "--smsc-id", "here"),
        *("--cost", "2", "--mo-route", "^7$", "--password-from", "env:CUSTOMER", "--enable-prepaid-billing"),
    )
    assert added == f"account {system_id} is created\n"
    esme = bind(bed, system_id)
    assert esme.submit(mt()).command_status == wire.RSUBMITFAIL
    change = ("account", "credit", system_id, "--add", "10", "--reason", "invoice 17", "--key", "i17")
    assert [ctl(*change, "--json")["credit"] for _ in range(2)] == [10.0, 10.0]
    assert esme.submit(mt()).command_status == wire.ROK
    ledger = ctl("account", "credit", system_id)
    assert re.match(r"credit  8\n\nentry_id .*\n +\d+  20\S+ \S+  +10  +10  admin .* invoice 17\n$", ledger)
    assert ctl("account", "set", system_id, "--max-binds", "1", "--default-smsc", "x").split() == [
        *("system_id", system_id, "max_binds", "1", "default_smsc", "x")
    ]
    assert ctl("account", "set", system_id, "--default-smsc", "", "--json")["default_smsc"] is None
    [listed] = ctl("account", "list", "--search", system_id, "--json")
    assert (listed["max_binds"], listed["credit"]) == (1, 8.0)
    shown = ctl("account", "show", system_id)
    assert re.search(r"^binds +1$", shown, re.MULTILINE)
    assert "transceiver" in shown
    ctl("account", "suspend", system_id)
    wait_until(lambda: esme.closed, "the bind to end")
    assert re.search(r"^suspended +yes$", ctl("account", "show", system_id), re.MULTILINE)
    assert ctl("account", "resume", system_id).split()[-1] == "no"
    generated = re.search(r"password (\S+)  ", ctl("account", "password", system_id))
    assert generated is not None
    bind(bed, system_id, generated[1])
    assert "Add --yes" in ctl("account", "delete", system_id, code=2)
    ctl("account", "delete", system_id, "--yes")
    assert f"there is no account {system_id}" in ctl("account", "show", system_id, code=1)
    subjects = ctl("audit", "--subject", f"account {system_id}", "--json")
    done = ["delete", "password", "resume", "suspend", "change", "change", "credit", "create"]
    assert [each["operation"] for each in subjects] == done
    assert "secret" not in str(ctl("audit", "--json", "--limit", "1000"))


def test_errors_of_fields_are_named(ctl: Ctl, system_id: str) -> None:
    assert "system_id" in ctl("account", "add", system_id.upper(), code=1)
    ctl("account", "add", system_id)
    assert "there is an account with this system_id" in ctl("account", "add", system_id, code=1)
    assert "regex: " in ctl("route", "add", "--system-id", system_id, "--regex", "(", code=1)
    refused = ctl("account", "add", f"{system_id}x", "--route", "(", code=1)
    assert f"the account {system_id}x was created, but a route wasn't: regex: " in refused
    assert "password " in refused  # the generated one isn't lost
    ctl("account", "delete", f"{system_id}x", "--yes")


def test_routes(sqlite_bed: Bed, ctl: Ctl, system_id: str) -> None:
    ctl("account", "add", system_id, "--password-from", "env:CUSTOMER")
    test = ("route", "test", system_id, "--to", "+4915")
    made = ctl("route", "add", "--system-id", system_id, "--regex", r"^\+49", "--smsc-id", "a", "--json")
    route_id = str(made["route_id"])
    routed = ctl(*test, "--json")
    assert (routed["outcome"], routed["route_id"], routed["smsc_id"]) == ("routed", made["route_id"], "a")
    ctl("route", "set", route_id, "--cost", "1.5", "--priority", "7", "--smsc-id", "b")
    [listed] = ctl("route", "list", system_id, "--json")
    assert (listed["cost"], listed["priority"], listed["smsc_id"]) == (1.5, 7, "b")
    ctl("route", "add", "--direction", "2", "--system-id", system_id, "--regex", "^99$")
    inbound = ctl("route", "test", "--mo-from-smsc", "x", "--from", "+49", "--to", "99", "--json")
    assert inbound["system_id"] == system_id
    assert len(ctl("route", "list", system_id).splitlines()) == 3
    assert len(ctl("route", "list", system_id, "--direction", "2").splitlines()) == 2
    assert "Add --yes" in ctl("route", "delete", route_id, code=2)
    ctl("route", "delete", route_id, "--yes")
    assert f"there is no route {route_id}" in ctl("route", "delete", route_id, "--yes", code=1)
    ctl("account", "delete", system_id, "--yes")


def test_a_refused_route_test_is_status_1(
    sqlite_bed: Bed, ctl: Ctl, system_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-c", str(sqlite_bed.daemon.config_path), "route", "test", system_id, "--to", "1"]) == 1
    captured = capsys.readouterr()
    assert (captured.out.split()[:2], captured.err) == (["outcome", "refused"], "")
    assert "unknown account" in captured.out


def test_the_running_server(sqlite_bed: Bed, ctl: Ctl) -> None:
    customer = sqlite_bed.customer()
    esmes = [sqlite_bed.esme(customer) for _ in range(3)]
    binds = ctl("bind", "list", customer.system_id, "--json")
    assert len(binds) == 3
    assert ctl("bind", "unbind", str(binds[0]["bind_id"])) == "unbound  1\n"
    assert ctl("bind", "unbind", "--account", customer.system_id) == "unbound  2\n"
    wait_until(lambda: all(esme.closed for esme in esmes), "the binds to end")
    assert "no such bind" in ctl("bind", "unbind", "999999", code=1)
    [box] = ctl("bearerbox", "--json")["items"]
    ctl("bearerbox", "pause", box["name"])
    assert re.search(rf"^{box['name']} .*127.0.0.1 .* yes +yes ", ctl("bearerbox"), re.MULTILINE)
    ctl("bearerbox", "resume", box["name"])
    assert "no such bearerbox" in ctl("bearerbox", "pause", "nothing", code=1)
    wrong = sqlite_bed.connect()
    assert wrong.bind(customer.system_id, "wrong").command_status == wire.RBINDFAIL
    assert "127.0.0.1" in ctl("refusals", customer.system_id)
    assert ctl("blocked", "list", "--json") == []
    assert "isn't blocked" in ctl("blocked", "clear", "10.9.9.9", code=1)
    assert ctl("blocked", "clear", "--all") == "cleared  0\n"
    kinds = [each["kind"] for each in ctl("events", "--kind", "bind", "--kind", "unbind", "--json")]
    assert set(kinds) == {"bind", "unbind"}
    assert " unbind  " in ctl("events")


def test_queues(sqlite_bed: Bed, ctl: Ctl) -> None:
    customer = sqlite_bed.customer()
    sqlite_bed.box.send_mo("+491701234567", customer.short_code, "waits")
    sqlite_bed.wait_rows(customer, 1)
    shown = ctl("queue", "show", customer.system_id)
    assert re.match(r"count +1\n", shown)
    assert "mo" in shown
    assert re.match(r"waiting in memory +0\n", ctl("queue", "list"))
    assert "Delete 1 message of " in ctl("queue", "purge", customer.system_id, code=2)
    assert ctl("queue", "purge", customer.system_id, "--yes") == "deleted  1\n"
    assert sqlite_bed.rows(customer) == 0


def test_customers_move_by_file(sqlite_bed: Bed, ctl: Ctl, system_id: str, tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(
        "system_id,throughput,password,credit,suspended,enable_prepaid_billing\n"
        f"{system_id}a,5,secret,7.5,,true\n{system_id}b,6,,,true,\n"
    )
    assert "2 of 2 accounts differ" in ctl("account", "import", str(file), "--dry-run")
    assert ctl("account", "list", "--search", system_id, "--json") == []
    made = ctl("account", "import", str(file), "--yes")
    assert re.search(rf"account {system_id}b: password \S+  \(it isn't shown again\)", made)
    bind(sqlite_bed, f"{system_id}a")
    accounts = {each["system_id"]: each for each in ctl("account", "list", "--json")}
    assert (accounts[f"{system_id}a"]["credit"], accounts[f"{system_id}b"]["suspended"]) == (7.5, True)
    routes = tmp_path / "routes.json"
    wanted = [
        {"direction": 1, "system_id": f"{system_id}a", "regex": r"^\+49", "smsc_id": "x", "cost": 1.5},
        {"direction": 1, "system_id": f"{system_id}a", "regex": r"^\+46"},
        {"direction": 2, "system_id": f"{system_id}a", "regex": "^5$"},
    ]
    routes.write_text(json.dumps(wanted))
    ctl("route", "import", str(routes), "--yes")
    assert len(ctl("route", "list", f"{system_id}a", "--json")) == 3
    for kind in ("csv", "json"):
        for group, name in (("account", "accounts"), ("route", "routes")):
            path = tmp_path / f"{name}.export.{kind}"
            ctl(group, "export", str(path))
            unchanged = ctl(group, "import", str(path), "--yes")
            assert unchanged.startswith("0 "), unchanged
    del wanted[1]
    routes.write_text(json.dumps(wanted))
    plan = ctl("route", "import", str(routes), "--dry-run", "--json")
    assert [(len(each["removed"]), each["added"]) for each in plan] == [(1, [])]
    ctl("route", "import", str(routes), "--yes")
    assert len(ctl("route", "list", f"{system_id}a", "--json")) == 2


def test_a_refused_row_is_named_and_the_others_are_made(
    sqlite_bed: Bed, ctl: Ctl, system_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(f"system_id,connect_allow_ip\n{system_id}a,nowhere\n{system_id}b,10.0.0.1\n")
    refused = ctl("account", "import", str(file), "--yes", code=1)
    assert f"{file}:2: connect_allow_ip: " in refused
    assert "1 of 2 weren't changed" in refused
    assert [each["system_id"] for each in ctl("account", "list", "--search", system_id, "--json")] == [
        f"{system_id}b"
    ]


def test_optional_columns(sqlite_bed: Bed, ctl: Ctl, system_id: str) -> None:
    ctl("account", "add", system_id)
    before = ctl("schema", "show", "--json")["missing"]
    assert "alt_charset" in before
    assert "alt_charset: " in ctl("account", "set", system_id, "--alt-charset", "latin-1", code=1)
    added = ctl("schema", "upgrade", "--json")
    assert added["added"] == before
    assert ctl("schema", "show") == "no column is missing\n"
    assert ctl("schema", "upgrade") == "no column was missing\n"


def test_the_page_for_customers(
    sqlite_bed: Bed, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of docs/customers.md, as they stand there, from adding acme to deleting it."""
    page = (PROJECT / "docs/customers.md").read_text("utf-8")
    lines = "".join(re.findall(r"(?s)```sh\n(.*?)```", page)).splitlines()
    assert len(lines) > 20
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KSMPPD_URL", f"http://127.0.0.1:{sqlite_bed.daemon.config.admin_port}")
    monkeypatch.setenv("KSMPPD_PASSWORD", PASSWORD)
    output = ""
    for line in lines:
        program, *words = shlex.split(line)
        assert (program, main(words)) == ("ksmppctl", 0), line
        captured = capsys.readouterr()
        assert captured.err == "", line
        output += captured.out
    assert re.search(r"(?m)^outcome +routed$(?s:.*?)^smsc_id +sweden$", output)
    assert re.search(r"(?m)^0 of \d+ accounts differ$", output)  # an export, imported, changes nothing
    assert output.endswith("account acme is deleted\n")


def run(bed: Bed, *words: str, **options: Any) -> subprocess.Popen[str]:
    command = [KSMPPCTL, "-c", bed.daemon.config_path, *words]
    pipes: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "stdin": subprocess.DEVNULL,
    }
    return subprocess.Popen(command, text=True, **{**pipes, **options})


def test_events_are_followed_over_a_restart_until_interrupted(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()
    with run(bed, "events", "--follow", "--kind", "bind", "--kind", "started", "--json") as following:
        assert following.stdout is not None
        assert following.stderr is not None
        esme = bed.esme(customer)
        for line in following.stdout:
            if json.loads(line)["fields"].get("system_id") == customer.system_id:
                break
        esme.close()
        bed.daemon.stop()
        assert "; trying again\n" in following.stderr.readline()
        bed.daemon.start()
        assert json.loads(following.stdout.readline())["kind"] == "started"
        following.send_signal(signal.SIGINT)
        assert (following.wait(10), following.stderr.read()) == (0, "")


@contextlib.contextmanager
def at_a_terminal(bed: Bed, *words: str, **options: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a command whose standard input is a terminal; yield it and the terminal's other end."""
    ours, theirs = pty.openpty()
    try:
        with run(bed, *words, stdin=theirs, start_new_session=True, **options) as asked:
            yield asked, ours
    finally:
        os.close(ours)
        os.close(theirs)


def read_until(asked: subprocess.Popen[str], end: str) -> str:
    """Read standard error until the prompt's end is there."""
    assert asked.stderr is not None
    found = ""
    while not found.endswith(end):
        one = asked.stderr.read(1)
        assert one, found
        found += one
    return found


def test_the_answer_no_changes_nothing(sqlite_bed: Bed, ctl: Ctl, system_id: str) -> None:
    ctl("account", "add", system_id)
    with at_a_terminal(sqlite_bed, "account", "delete", system_id) as (asked, terminal):
        assert f"Delete the account {system_id} (credit 0, 0 binds)" in read_until(asked, "[y/N]: ")
        os.write(terminal, b"n\n")
        _, err = asked.communicate(timeout=20)
        assert (asked.returncode, err) == (1, "ksmppctl: nothing was changed\n")
    ctl("account", "show", system_id)


def test_the_account_that_was_shown_is_deleted_or_none(sqlite_bed: Bed, ctl: Ctl, system_id: str) -> None:
    ctl("account", "add", system_id)
    with at_a_terminal(sqlite_bed, "account", "delete", system_id) as (asked, terminal):
        read_until(asked, "[y/N]: ")
        ctl("account", "set", system_id, "--throughput", "7")
        os.write(terminal, b"y\n")
        _, err = asked.communicate(timeout=20)
        assert (asked.returncode, err.count("\n")) == (1, 1)
        assert "changed by another hand" in err
    assert ctl("account", "show", system_id, "--json")["throughput"] == 7.0


def test_ctrl_c_at_a_question(sqlite_bed: Bed, system_id: str) -> None:
    words = ("account", "add", system_id, "--password-from", "prompt")
    with at_a_terminal(sqlite_bed, *words) as (asked, _):
        read_until(asked, "New password: ")
        asked.send_signal(signal.SIGINT)
        out, err = asked.communicate(timeout=20)
        assert (asked.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell: str) -> None:
    environment = {**os.environ, "_KSMPPCTL_COMPLETE": f"{shell}_source"}
    script = subprocess.run([KSMPPCTL], env=environment, capture_output=True, text=True, check=True).stdout
    assert "_KSMPPCTL_COMPLETE=" in script
    environment |= {
        "_KSMPPCTL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "ksmppctl account s",
        "COMP_CWORD": "2",
    }
    found = subprocess.run([KSMPPCTL], env=environment, capture_output=True, text=True, check=True).stdout
    assert {"set", "show", "suspend"} <= set(re.split(r"[\n,]", found))


CHANGES = [
    "account add acme",
    "account set acme --throughput 5",
    "account delete acme --yes",
    "account suspend acme",
    "account credit acme --add 5 --reason x",
    "route add --regex x",
    "bind unbind 7",
    "queue purge acme --yes",
    "bearerbox pause box",
    "blocked clear --all",
    "schema upgrade",
]


def test_a_viewer_reads_and_changes_nothing_and_guesses_are_limited(
    start_bed: StartBed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer: dict[str, Value] = {"username": "vera", "password": "vera-pw", "role": "viewer"}
    bed = start_bed(others=[("http-user", viewer)])
    bed.daemon.database.execute(
        "INSERT INTO smpp_user (system_id, password, default_cost, simulate_deliver_every,"
        " simulate_permanent_failure_every, simulate_temporary_failure_every, simulate_mo_every)"
        " VALUES ('acme', '', 0, 0, 0, 0, 0)"
    )
    common = ["-c", str(bed.daemon.config_path), "--user", "vera"]
    for line in CHANGES:
        assert main([*common, *line.split(" ")]) == 4, line
        assert "the role viewer may not do this" in capsys.readouterr().err
    assert main([*common, "account", "show", "acme"]) == 0
    capsys.readouterr()
    monkeypatch.setenv("KSMPPD_URL", f"http://127.0.0.1:{bed.daemon.config.admin_port}")
    codes = []
    for number in range(6):
        monkeypatch.setenv("KSMPPD_PASSWORD", f"guess {number}")
        codes.append(main(["account", "list"]))
        assert capsys.readouterr().err.count("\n") == 1
    assert codes == [4] * 5 + [5]


def test_a_closed_pipe_ends_it(sqlite_bed: Bed) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with run(sqlite_bed, "account", "list", stdout=writer) as ended:
        os.close(writer)
        assert ended.stderr is not None
        assert (ended.wait(20), ended.stderr.read()) == (1, "")


def test_an_account_password_by_stdin(sqlite_bed: Bed, system_id: str) -> None:
    words = ("account", "add", system_id, "--password-from", "stdin")
    with run(sqlite_bed, *words, stdin=subprocess.PIPE) as ended:
        out, _ = ended.communicate("from stdin\n", 20)
    assert out == f"account {system_id} is created\n"
    bind(sqlite_bed, system_id, "from stdin")


def test_over_tls(
    sqlite: SqliteDatabase,
    box: FakeBearerbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the server's configuration its certificate has to be the one that is named there."""
    certificate, key = write_certificate(tmp_path)
    config = DaemonConfig([(BOX_ID, box.port)])
    https: dict[str, Value] = {"port": config.admin_port, "password": PASSWORD, "ssl": "yes"}
    https |= {"ssl-server-cert-file": certificate, "ssl-server-key-file": key}
    config.others = [("http-server", https)]  # the last such group counts
    monkeypatch.setenv("KSMPPD_PASSWORD", PASSWORD)
    with HttpsDaemon(tmp_path, config, sqlite) as daemon:
        named = ["-c", str(daemon.config_path)]
        by_url = ["--url", f"https://localhost:{config.admin_port}"]
        for words in (named, [*by_url, "--ca-file", str(certificate)], [*by_url, "--insecure"]):
            assert main([*words, "account", "list", "--json"]) == 0, capsys.readouterr().err
            assert capsys.readouterr() == ("[]\n", "")
        write_certificate(tmp_path)  # another one, which the server doesn't have
        plain = ["--url", f"http://localhost:{config.admin_port}"]
        for words in (named, by_url, plain, [*by_url, "--ca-file", "/nowhere"]):
            assert main([*words, "account", "list"]) == 3
            captured = capsys.readouterr()
            assert (captured.out, captured.err.count("\n")) == ("", 1), captured.err
