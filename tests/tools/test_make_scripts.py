"""The scripts that make calls: errors in one sentence, and the demonstration itself."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PROJECT = Path(__file__).resolve().parents[2]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def run_demo(smpp_port: int, http_port: int, directory: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--smpp-port", str(smpp_port), "--http-port", str(http_port), "--directory", str(directory)]
    command = [sys.executable, str(PROJECT / "tools/run_demo.py"), *arguments, "--demo-only"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_demo(0, port, tmp_path)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"Port {port} is not free (Address already in use)")
    assert "make run HTTP_PORT=" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.integration
@pytest.mark.slow
def test_the_demonstration(tmp_path: Path) -> None:
    smpp_port, http_port = free_ports(2)
    for _ in range(2):  # the second time with the database of the first
        ended = run_demo(smpp_port, http_port, tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        for words in (
            'bind_transceiver #1: system_id "simulated", password ****',
            'bind_transceiver_resp #1: ok, server id "quickstart"',
            "submit_sm_resp #2: ok, message_id ",
            "stat DELIVRD, err 000",
            'from +46701234567 to 12345, text "Hello"',
            "unbind_resp #3: ok",
            "That is how it should be.",
        ):
            assert words in ended.stdout


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_what_a_script_runs_in_the_background(tmp_path: Path, number: signal.Signals) -> None:
    """A shell lets the programs that its scripts start with `&` ignore SIGINT."""
    smpp_port, http_port = free_ports(2)
    arguments = ["--smpp-port", str(smpp_port), "--http-port", str(http_port), "--directory", str(tmp_path)]
    command = [sys.executable, "-u", str(PROJECT / "tools/run_demo.py"), *arguments]
    with subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command], stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("Serving until Ctrl-C"):
                break
        demo.send_signal(number)
        try:
            out, _ = demo.communicate(timeout=30)
        finally:
            for process in (*psutil.Process(demo.pid).children(), demo) if demo.poll() is None else ():
                process.kill()
    assert demo.returncode == 0
    assert out.endswith("\nStopping ksmppd\n")
    with socket.create_server(("127.0.0.1", smpp_port)):
        pass  # the daemon left it


@pytest.mark.integration
@pytest.mark.slow
def test_the_customer_of_the_readme(tmp_path: Path) -> None:
    """The commands that follow `make run` in the README, as they stand there; only the port is a free one."""
    text = (PROJECT / "README.md").read_text("utf-8")
    [commands] = re.findall(r"(?s)```\n(export PATH=[^`]*ksmppctl account add acme [^`]*)```", text)
    smpp_port, http_port = free_ports(2)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    installed = Path(sys.executable).parent
    fake_programs(
        programs,
        ksmppctl=f'exec {installed}/ksmppctl "$@"',
        ksmppd_esme=f'exec {installed}/ksmppd-esme "$@" --port {smpp_port}',
    )
    arguments = ["--smpp-port", str(smpp_port), "--http-port", str(http_port), "--directory", ".run"]
    command = [sys.executable, "-u", str(PROJECT / "tools/run_demo.py"), *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            for line in demo.stdout:
                if line.startswith("Serving until Ctrl-C"):
                    break
            ended = subprocess.run(
                ["sh", "-e", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert (ended.returncode, ended.stderr) == (0, "")
        finally:
            demo.terminate()
            demo.communicate(timeout=30)
    for words in (
        "account acme is created\n",
        "bind_transceiver_resp #1: ok",
        "submit_sm_resp #2: ok, message_id ",
        "\nthroughput                        50\n",
        "\nmt                                1\n",
    ):
        assert words in ended.stdout, ended.stdout


def fake_programs(directory: Path, **scripts: str) -> dict[str, str]:
    """An environment in which programs of these names are shell scripts."""
    for name, script in scripts.items():
        program = directory / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"}


def apt_packages(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(PROJECT / "tools/apt_packages.sh"), "kannel", "mariadb-server"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_packages_that_are_there_need_nothing(tmp_path: Path) -> None:
    environment = fake_programs(tmp_path, dpkg_query="echo installed", apt_get="exit 9")
    ended = apt_packages(environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_missing_packages_are_named_to_users(tmp_path: Path) -> None:
    present = 'case "$*" in *kannel) echo installed;; *) exit 1;; esac'
    environment = fake_programs(tmp_path, dpkg_query=present, id="echo 1000")
    ended = apt_packages(environment)
    assert ended.returncode == 1
    assert ended.stderr.endswith("please install these Debian packages first: mariadb-server\n")


def test_missing_packages_are_installed_for_root(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = fake_programs(tmp_path, dpkg_query="exit 1", id="echo 0", apt_get=f'echo "$@" >> {log}')
    assert apt_packages(environment).returncode == 0
    assert log.read_text().splitlines() == [
        "update -qq",
        "-o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends kannel mariadb-server",
    ]


def make_venv(environment: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(PROJECT / "tools/make_venv.sh"), str(directory / "venv"), "python3"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    ended = make_venv(fake_programs(tmp_path, python3="exit 1"), tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("ksmppd-py needs Python 3.10 or later")
    assert ended.stderr.count("\n") == 1


def test_missing_venv_is_named(tmp_path: Path) -> None:
    without_venv = 'case "$2" in *ensurepip*) exit 1;; esac'
    ended = make_venv(fake_programs(tmp_path, python3=without_venv, id="echo 1000"), tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.endswith("install the package python3-venv and try again.\n")
    assert ended.stderr.count("\n") == 1
