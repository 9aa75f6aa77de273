"""Tests of packaging/, as far as they need no container engine."""

from __future__ import annotations

import configparser
import grp
import pwd
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kannel_conf import Findings, read_groups
from ksmppd_py.config import MysqlConnection, load
from ksmppd_py.launch.notify import READY, notify
from ksmppd_py.tools.esme import main as esme
from tests.parts.config import render
from tests.parts.daemon import KSMPPD, Daemon, DaemonConfig
from tests.parts.database import Account, SqliteDatabase
from tests.parts.http import request
from tests.parts.process import Process, accepts, free_port
from tests.parts.waiting import wait_until

PROJECT = Path(__file__).resolve().parents[2]
PACKAGING = PROJECT / "packaging"


def program(name: str, package: str) -> str:
    """Path of a program; a test that needs it fails with the package's name when it isn't there."""
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    assert found, f"{name} is missing: install the package {package}"
    return found


@pytest.mark.integration
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = (PACKAGING / "ksmppd.service").read_text().replace("/opt/ksmppd/bin/ksmppd", str(KSMPPD))
    copy = tmp_path / "ksmppd.service"
    copy.write_text(unit)
    done = subprocess.run(
        [program("systemd-analyze", "systemd"), "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "ksmppd.service" in line]
    assert not complaints, complaints
    assert done.returncode == 0, done.stderr


@pytest.mark.integration
def test_logrotate_accepts_its_file(tmp_path: Path) -> None:
    copy = tmp_path / "logrotate"
    (tmp_path / "ksmppd.log").touch()
    copy.write_text((PACKAGING / "logrotate").read_text().replace("/var/log/ksmppd", str(tmp_path)))
    copy.chmod(0o644)
    done = subprocess.run(
        [program("logrotate", "logrotate"), "--debug", "--state", str(tmp_path / "state"), str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower(), done.stderr
    assert f"considering log {tmp_path}/ksmppd.log" in done.stderr


@pytest.mark.integration
def test_logs_are_rotated_beside_those_of_kannel(tmp_path: Path) -> None:
    """Two rules for one log are an error, and Debian's rotates all of /var/log/kannel and signals only Kannel."""
    kannels = Path("/etc/logrotate.d/kannel")
    assert kannels.exists(), "install the package kannel"
    whose = [text.split("{")[0] for text in (kannels.read_text(), (PACKAGING / "logrotate").read_text())]
    directories = [set(re.findall(r"(?m)^(/\S*)/[^/\s]*", text)) for text in whose]
    assert directories[1]
    assert not directories[0] & directories[1]


@pytest.mark.integration
def test_the_user_of_the_unit_is_kannels(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(PACKAGING / "ksmppd.service")
    assert pwd.getpwnam(unit["Service"]["User"]).pw_name == "kannel"  # comes with the package kannel
    if "Group" in unit["Service"]:
        grp.getgrnam(unit["Service"]["Group"])


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(PACKAGING / "ksmppd.service")
    return parser


def test_configuration_unit_and_logrotate_fit_together() -> None:
    config = load(str(PACKAGING / "ksmppd.conf"))
    log_file = Path(config.ksmppd.log_file)
    service = unit()["Service"]
    assert service["ExecStart"].endswith(" -- /etc/kannel/ksmppd.conf")
    assert str(log_file.parent) == f"/var/log/{service['LogsDirectory']}"
    rules = (PACKAGING / "logrotate").read_text()
    [pattern] = re.findall(r"(?m)^(/\S+) \{$", rules)
    access_log = re.findall(r"(?m)^# access-log = (\S+)$", (PACKAGING / "ksmppd.conf").read_text())
    documented = re.findall(r"`access-log = ([^`]+)`", (PROJECT / "docs/operations.md").read_text())
    assert access_log == documented
    for path in (log_file, *map(Path, access_log)):
        assert path.match(pattern), path
    assert f"create 0640 {service['User']} " in rules
    assert all(
        "log-file" in warning for warning in config.warnings
    )  # where the unit hasn't made its directory yet


def test_configuration_is_right_for_production() -> None:
    config = load(str(PACKAGING / "ksmppd.conf"))
    assert config.ksmppd.log_level == 1
    assert config.http_server.interface == "127.0.0.1"
    assert config.ksmppd.database_enable_queue
    assert config.database is not None
    statements = (PROJECT / "docs/maintenance.md").read_text()
    assert f"CREATE DATABASE {config.database.database} " in statements
    assert isinstance(config.database, MysqlConnection)
    assert f"CREATE USER '{config.database.username}'@'{config.database.host}' IDENTIFIED BY " in statements


def test_systemctl_is_spelt_as_old_ones_know() -> None:
    """systemd 252 has renamed --kill-who and takes both."""
    for path in [*PACKAGING.rglob("*"), *(PROJECT / "docs").glob("*.md"), PROJECT / "README.md"]:
        if path.is_file():
            assert "--kill-whom" not in path.read_text("utf-8"), path
    assert "--kill-who=main" in (PACKAGING / "logrotate").read_text()


def rotate(tmp_path: Path, pid: int) -> None:
    """Run logrotate with Kannel's rule as Debian has it and ours, once each, on directories of the test."""
    for name, rules in (
        (
            "kannel",
            Path("/etc/logrotate.d/kannel").read_text().replace("/var/log/kannel", f"{tmp_path}/kannel"),
        ),
        ("ksmppd", (PACKAGING / "logrotate").read_text().replace("/var/log/ksmppd", f"{tmp_path}/ksmppd")),
    ):
        text = re.sub(r"killall [^|]*", "true ", rules)
        text = re.sub(
            r"systemctl kill --signal=SIG(\S+) --kill-who=main ksmppd.service", rf"kill -\1 {pid}", text
        )
        text = re.sub(r"create 0?640 kannel adm", "create 0640 root root", text)
        (tmp_path / f"{name}.rules").write_text(f"su root root\n{text}")
    whole = tmp_path / "logrotate.conf"
    whole.write_text(f"include {tmp_path}/kannel.rules\ninclude {tmp_path}/ksmppd.rules\n")
    for file in tmp_path.glob("*.rules"):
        file.chmod(0o644)
    whole.chmod(0o644)
    command = [program("logrotate", "logrotate"), "--force", "--state", str(tmp_path / "state"), str(whole)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.integration
def test_both_logs_are_rotated_beside_those_of_kannel(tmp_path: Path) -> None:
    for name in ("kannel", "ksmppd"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "kannel" / "kannel.log").write_text("a line of Kannel's\n")
    log, access = tmp_path / "ksmppd" / "ksmppd.log", tmp_path / "ksmppd" / "access.log"
    config = DaemonConfig([("KSMPPD", free_port())], ksmppd={"access-log": access, "log-file": log})
    with Daemon(tmp_path, config, SqliteDatabase(tmp_path / "db.sqlite3")) as daemon:
        daemon.add_accounts(Account("simon", "wonder", simulate=1))
        send = [
            "send",
            "--port",
            str(daemon.smpp_port),
            "--system-id",
            "simon",
            "--password",
            "wonder",
            "--from",
            "1",
        ]
        assert esme([*send, "--to", "46701", "--text", "before"]) == 0
        wait_until(lambda: "[to:46701]" in access.read_text(), access.read_text)
        rotate(tmp_path, daemon.process.pid)
        wait_until(lambda: log.exists() and access.exists(), "the new files")
        wait_until(
            lambda: "re-opening logs" in (tmp_path / "ksmppd" / "ksmppd.log.1").read_text(), "the signal"
        )
        assert esme([*send, "--to", "46702", "--text", "after"]) == 0
        wait_until(lambda: "[to:46702]" in access.read_text(), access.read_text)
        assert "[to:46702]" not in (tmp_path / "ksmppd" / "access.log.1").read_text()
        assert "simon" in log.read_text()
    assert (tmp_path / "kannel" / "kannel.log.1").read_text() == "a line of Kannel's\n"


def complaints_about(dockerfile: str) -> list[str]:
    """The rules of hadolint that can be checked by line: pinned base, no root, clean layers."""
    lines = re.sub(r"\\\n", " ", dockerfile).splitlines()
    found = []
    for line in lines:
        words = line.split()
        if words[:1] == ["FROM"] and (":" not in words[1] or words[1].endswith(":latest")):
            found.append(f"DL3006/DL3007 base image not pinned: {line}")
        if "apt-get install" in line:
            if "-y" not in words or "--no-install-recommends" not in words:
                found.append(f"DL3014/DL3015: {line}")
            if "rm -rf /var/lib/apt/lists" not in line:
                found.append(f"DL3009 lists left behind: {line}")
        if "pip install" in line and "--no-cache-dir" not in line:
            found.append(f"DL3042: {line}")
        if words[:1] in (["ENTRYPOINT"], ["CMD"]) and not line.split(None, 1)[1].startswith("["):
            found.append(f"DL3025 not in JSON form: {line}")
        if words[:1] == ["WORKDIR"] and not words[1].startswith("/"):
            found.append(f"DL3000: {line}")
        if words[:1] == ["ADD"]:
            found.append(f"DL3020: {line}")
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    if not users or users[-1] in ("root", "0"):
        found.append("DL3002 the last user is root")
    return found


@pytest.mark.parametrize("name", ["Dockerfile", "kannel.Dockerfile"])
def test_dockerfile(name: str) -> None:
    assert not complaints_about((PACKAGING / name).read_text())


def test_the_dockerfile_rules_find_faults() -> None:
    bad = "FROM debian\nRUN apt-get install kannel\nRUN pip install x\nCMD ksmppd\n"
    assert len(complaints_about(bad)) == 6


def test_dockerfile_copies_what_is_there() -> None:
    for line in (PACKAGING / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (PROJECT / source).exists(), line


def test_only_what_the_image_needs_is_sent_to_the_builder() -> None:
    copied = {
        source
        for line in (PACKAGING / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    rules = (PACKAGING / "Dockerfile.dockerignore").read_text().splitlines()
    assert rules[1] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied


def test_compose_file() -> None:
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"mariadb", "bearerbox", "ksmppd"}
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (PACKAGING / source).exists(), volume
        build = service.get("build")
        if build:
            assert (PACKAGING / build["context"] / build["dockerfile"]).exists()
    assert "./compose.conf:/etc/kannel/ksmppd.conf:ro" in services["ksmppd"]["volumes"]
    config = load(str(PACKAGING / "compose.conf"))
    assert (config.warnings, config.ksmppd.log_file, config.ksmppd.log_level) == ((), "", 1)
    environment = services["mariadb"]["environment"]
    assert config.database is not None
    assert config.database.database == environment["MARIADB_DATABASE"]
    assert config.bearerboxes[0].host == "bearerbox"
    assert services["ksmppd"]["ports"] == [
        f"{config.ksmppd.smpp_port}:{config.ksmppd.smpp_port}",
        f"127.0.0.1:{config.http_server.port}:{config.http_server.port}",
    ]
    assert f":{config.http_server.port}/healthz" in services["ksmppd"]["healthcheck"]["test"][-1]


@pytest.mark.integration
def test_the_health_check_of_the_container(tmp_path: Path) -> None:
    compose = yaml.safe_load((PACKAGING / "compose.yaml").read_text())
    kind, _, *arguments = compose["services"]["ksmppd"]["healthcheck"]["test"]
    assert kind == "CMD"
    config = DaemonConfig([("KSMPPD", free_port())])
    check = [sys.executable, *(argument.replace("14010", str(config.admin_port)) for argument in arguments)]
    with Daemon(tmp_path, config, SqliteDatabase(tmp_path / "db.sqlite3")):
        assert subprocess.run(check, check=False).returncode == 0
    assert subprocess.run(check, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_bearerbox_configuration_knows_our_box() -> None:
    findings = Findings()
    groups = {group.name: group for group in read_groups(str(PACKAGING / "kannel.conf"), findings)}
    assert not findings.errors
    route = {key: value.text for key, value in groups["smsbox-route"].values.items()}
    box = load(str(PACKAGING / "compose.conf")).bearerboxes[0]
    assert route["smsbox-id"] == box.id
    assert groups["core"].values["smsbox-port"].text == str(box.port)
    assert route["smsc-id"] == groups["smsc"].texts()["smsc-id"]
    assert f"'{route['smsc-id']}'" in (PROJECT / "database-schemas/mysql/routes.sql").read_text()


def test_notify_without_a_manager_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify(READY) is False


@pytest.mark.parametrize("abstract", [False, True])
def test_notify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@ksmppd-test-{free_port()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        assert notify(READY)
        assert manager.recv(100) == b"READY=1"


def test_notify_survives_a_manager_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert notify(READY) is False


@pytest.mark.integration
def test_daemon_tells_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        config = DaemonConfig([("KSMPPD", free_port())])
        with Daemon(tmp_path, config, SqliteDatabase(tmp_path / "db.sqlite3")):
            assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.integration
@pytest.mark.slow
def test_wheel_in_a_clean_environment(tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(source)], check=True)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(tmp_path), str(source)], check=True)
    wheel = next(tmp_path.glob("ksmppd_py-*.whl"))
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv/bin/python"
    subprocess.run([str(python), *pip[1:], "install", "--no-compile", str(wheel)], check=True)
    program_path = tmp_path / "venv/bin/ksmppd"
    quickstart = PROJECT / "examples/configurations/quickstart/ksmppd.conf"
    for arguments in (["--version"], ["--test", str(quickstart)]):
        done = subprocess.run(
            [str(program_path), *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    settings = DaemonConfig([("KSMPPD", free_port())])
    config = tmp_path / "ksmppd.conf"
    database = SqliteDatabase(tmp_path / "db.sqlite3")
    config.write_text(render(settings.groups(database, tmp_path / "log")), "utf-8")
    daemon = Process([str(program_path), "-v", "1", "--", str(config)], tmp_path, "installed")
    try:
        wait_until(lambda: accepts(settings.smpp_port), lambda: f"the daemon\n{daemon.tail(20)}", 60)
        dashboard = request(settings.admin_port, "/")
        assert (dashboard.status, "<html" in dashboard.body) == (200, True)
    finally:
        assert daemon.stop(20) == 0
