"""Descriptors and look-ups of names: strangers can use them up, but for those kept for bearerboxes and database."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


def lose(box: FakeBearerbox) -> None:
    """Cut the box's connections, and wait for another."""
    for link in box.wait_for_box():
        link.close()
        box.wait_for(lambda link=link: link.closed, "the end of the connection")
    box.wait_for_box()


def answers(daemon: Daemon) -> bool:
    try:
        return daemon.admin("/uptime").status == 200
    except OSError:
        return False


def test_without_a_descriptor_left(tmp_path: Path, box: FakeBearerbox) -> None:
    """Bearerboxes, operators and the configuration find descriptors that a flood of connections doesn't get."""
    database = SqliteDatabase(tmp_path / "ksmppd.sqlite3")
    with Daemon(tmp_path, DaemonConfig([(BOX_ID, box.port)]), database) as daemon, ExitStack() as stack:
        box.wait_for_box()
        pid = daemon.process.pid
        few = len(os.listdir(f"/proc/{pid}/fd")) + 60
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, few))

        def connect(port: int) -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", port)))

        connections = [connect(daemon.smpp_port) for _ in range(2 * few)]
        daemon.wait_for_log(
            f"Connection from 127.0.0.1 to port {daemon.smpp_port} refused: the last file descr"
        )
        lose(box)
        assert daemon.admin("/uptime").status == 200
        connections += [connect(daemon.config.admin_port) for _ in range(40)]
        wait_until(lambda: answers(daemon), "an answer beside silent connections to the port", 5)
        daemon.process.signal(signal.SIGHUP)
        daemon.wait_for_log("The configuration was read again")
        assert daemon.log().count("the last file descriptors are kept") < 10  # of some 130
        assert "Too many open files" not in daemon.log()
        for connection in connections:
            connection.close()

        def binds() -> bool:
            with fake_esme.Esme(daemon.smpp_port) as esme:
                try:
                    return esme.bind("nobody", "x").command_status == wire.RBINDFAIL
                except (AssertionError, OSError):
                    return False

        wait_until(binds, "an ESME to be heard again")


SILENT_NAME_SERVICE = """
import _socket, time
ask, sleep = _socket.getaddrinfo, time.sleep

def silent(host, *rest, **others):
    if "silent" in str(host) and not (rest and rest[-1] & _socket.AI_NUMERICHOST):
        sleep(12)
        raise _socket.gaierror(_socket.EAI_AGAIN, "Temporary failure in name resolution")
    return ask(host, *rest, **others)

_socket.getaddrinfo = silent
from ksmppd_py.__main__ import main
main()
"""


def test_a_silent_name_service(tmp_path: Path, box: FakeBearerbox) -> None:
    """Forty binds ask an HTTP server whose name isn't resolved; the bearerbox on localhost reconnects as usual."""
    auth = {"auth-method": 2, "auth-url": "http://silent.example/"}
    config = DaemonConfig([(BOX_ID, box.port)], ksmppd=auth)
    database = SqliteDatabase(tmp_path / "ksmppd.sqlite3")
    daemon = Daemon(tmp_path, config, database, program=(sys.executable, "-c", SILENT_NAME_SERVICE))
    text = daemon.config_path.read_text()
    daemon.config_path.write_text(text.replace("host = 127.0.0.1", "host = localhost"))
    with daemon, ExitStack() as stack:
        box.wait_for_box()
        for number in range(40):
            esme = stack.enter_context(fake_esme.Esme(daemon.smpp_port))
            esme.send_request(wire.BIND_TRANSCEIVER, wire.pack_bind(f"acc{number}", "secret"))
        wait_until(lambda: "acc39" in daemon.log(), "all to ask")
        began = time.monotonic()
        lose(box)
        assert time.monotonic() - began < 5  # a second's pause is usual
        assert daemon.admin("/bearerbox-status").status == 200
