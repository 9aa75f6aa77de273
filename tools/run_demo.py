"""`make run`: the daemon with the quickstart configuration, one ESME that shows it at work, then serving."""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from ksmppd_py.tools.seed import NoTablesError, seed

PROJECT = Path(__file__).resolve().parent.parent
CONFIGURATION = PROJECT / "examples/configurations/quickstart/ksmppd.conf"
PROGRAMS = Path(sys.executable).parent
START_SECONDS, STOP_SECONDS, POLL_SECONDS = 30.0, 20.0, 0.05
REPORT_SECONDS = 20
LOG_LINES = 5


class DemoError(Exception):
    """The demonstration can't go on; the message is one sentence for people."""


def main() -> int:
    """Run the demonstration; return the exit status."""
    options = _parse()
    # Programs that a shell script starts with `&` ignore SIGINT; the demonstration shall end by it all the same.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        for port, variable in ((options.smpp_port, "SMPP_PORT"), (options.http_port, "HTTP_PORT")):
            _check_port(port, variable)
        return _serve(options)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before there was anything to stop
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smpp-port", type=int, default=2345)
    parser.add_argument("--http-port", type=int, default=14010)
    parser.add_argument("--directory", type=Path, default=PROJECT / ".run", help="for database and logs")
    parser.add_argument("--demo-only", action="store_true", help="end after the demonstration")
    return parser.parse_args()


def _check_port(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is not free ({error.strerror}): choose another one, for example "
                f"`make run {variable}={port + 10000 if port < 50000 else port - 10000}`."
            ) from error


def _serve(options: argparse.Namespace) -> int:
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ".gitignore").write_text("*\n", "ascii")
    _write_configuration(directory / "ksmppd.conf", options.smpp_port, options.http_port)
    print(f"Starting ksmppd; its database and its log are in {_short(directory)}/", flush=True)
    with (directory / "ksmppd.out").open("wb") as output:
        daemon = subprocess.Popen(
            [PROGRAMS / "ksmppd", "-v", "1", "--", "ksmppd.conf"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop it cleanly
        )
    status = 1
    try:
        _wait_until_it_serves(daemon, options, directory)
        status = _demonstrate(options.smpp_port)
        if not options.demo_only:
            _invite(options)
            daemon.wait()
            raise DemoError(f"ksmppd ended by itself.\n{_last_lines(directory)}")
    except KeyboardInterrupt:
        print("\nStopping ksmppd", flush=True)
    finally:
        ending = _stop(daemon)
    if ending != 0:
        raise DemoError(f"ksmppd ended with status {ending}.\n{_last_lines(directory)}")
    return status


def _write_configuration(target: Path, smpp_port: int, http_port: int) -> None:
    """Copy the quickstart configuration with the ports in use."""
    text = CONFIGURATION.read_text("utf-8")
    text = re.sub(r"(?m)^smpp-port = .*$", f"smpp-port = {smpp_port}", text)
    head, group, http_server = text.partition("group = http-server")
    http_server = re.sub(r"(?m)^port = .*$", f"port = {http_port}", http_server, count=1)
    target.write_text(head + group + http_server, "utf-8")


def _wait_until_it_serves(
    daemon: subprocess.Popen[bytes], options: argparse.Namespace, directory: Path
) -> None:
    """Poll until the port takes connections and the accounts are in. Raises DemoError."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", options.smpp_port), timeout=1):
                pass
            seed(directory / "ksmppd.sqlite3")
        except (OSError, NoTablesError, sqlite3.OperationalError) as error:
            if daemon.poll() is not None:
                raise DemoError(f"ksmppd didn't start.\n{_last_lines(directory)}") from error
            if time.monotonic() > deadline:
                raise DemoError(f"ksmppd doesn't serve after {START_SECONDS:g} s: {error}") from error
            time.sleep(POLL_SECONDS)
        else:
            return


def _demonstrate(smpp_port: int) -> int:
    """Let an ESME send one message to the simulated account; return its exit status."""
    command = ["ksmppd-esme", "send", "--port", str(smpp_port), "--system-id", "simulated"]
    command += ["--password", "simulate", "--from", "12345", "--to", "+46701234567", "--text", "Hello"]
    command += ["--receipt", "--expect", "1", "--wait", str(REPORT_SECONDS)]
    print(
        "It serves. An ESME binds, sends a message, gets the delivery report and a reply from the mobile:\n"
    )
    print(f"$ {shlex.join(command)}", flush=True)
    status = subprocess.run([PROGRAMS / command[0], *command[1:]], check=False).returncode
    print("\nThat is how it should be." if status == 0 else "\nThat went wrong.", flush=True)
    return status


def _invite(options: argparse.Namespace) -> None:
    program = _short(PROGRAMS / "ksmppd-esme")
    port = f"--port {options.smpp_port} "
    print(
        f"""
SMPP server     localhost:{options.smpp_port}
  account simulated (password simulate): is answered, reported to and replied to without a network
  account demo (password demo): its messages wait in the database until there is a bearerbox
Administration  http://localhost:{options.http_port} (password ksmppdpass)

Serving until Ctrl-C. In another terminal:
  curl 'http://localhost:{options.http_port}/esme-status?password=ksmppdpass'
  {program} send {port}--system-id simulated --password simulate --from 12345 --to +46701234567 --text Hello --receipt
  {program} listen {port}--system-id simulated --password simulate
  {_short(PROGRAMS / "ksmppctl")} -c {_short(options.directory / "ksmppd.conf")} account list

Further: docs/getting-started.md""",
        flush=True,
    )


def _stop(daemon: subprocess.Popen[bytes]) -> int:
    """Ask the daemon to end, wait for it, return its exit status; one that doesn't end is killed."""
    if daemon.poll() is None:
        daemon.terminate()
    try:
        return daemon.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        daemon.kill()
        return daemon.wait()


def _last_lines(directory: Path) -> str:
    lines = (directory / "ksmppd.out").read_text("utf-8", "replace").splitlines()
    return "\n".join(["Its last words:", *(f"  {line}" for line in lines[-LOG_LINES:])])


def _short(path: Path) -> Path:
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


if __name__ == "__main__":
    sys.exit(main())
