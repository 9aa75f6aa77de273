"""The daemon as a process: command line, signals, logs, start and stop (docs/rules/operations.md)."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ksmppd_py import __version__
from tests.fakes import bearerbox as fake
from tests.fakes import box_wire
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, StartBed, mt
from tests.parts.config import render
from tests.parts.daemon import Daemon, DaemonConfig, run_once
from tests.parts.database import SqliteDatabase
from tests.parts.process import accepts, free_port
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


def write_config(directory: Path, **config: object) -> Path:
    """A configuration file that nothing is wrong with unless `config` says so."""
    settings = DaemonConfig([(BOX_ID, free_port())], **config)
    path = directory / "ksmppd.conf"
    database = SqliteDatabase(directory / "ksmppd.sqlite3")
    path.write_text(render(settings.groups(database, directory / "ksmppd.log")), "utf-8")
    return path


class TestCommandLine:
    def test_a_good_configuration_passes_the_test(self, tmp_path: Path) -> None:
        config = write_config(tmp_path)
        for arguments in (["--test", str(config)], ["-t", str(config)], ["-v", "4", "-t", "--", str(config)]):
            code, output = run_once(arguments, tmp_path)
            assert code == 0, output
        assert not (tmp_path / "ksmppd.sqlite3").exists()

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("group = nosuch\nbogus = 1\n", "Group 'nosuch' is no valid group identifier."),
            ("group = ksmppd\nbogus = 1\n", "Group 'ksmppd' may not contain field 'bogus'."),
            (
                "smpp-port = 1\n",
                "Group does not contain variable 'group'. A group begins with a line `group = …`",
            ),
            ("group = ksmppd\nnonsense\n", "An equals sign ('=') is missing"),
            ("group = core\nadmin-port = 1\n", "No group 'ksmppd' configured in"),
        ],
    )
    def test_a_bad_configuration_fails(self, tmp_path: Path, text: str, complaint: str) -> None:
        config = tmp_path / "bad.conf"
        config.write_text(text)
        for arguments in (["--test", str(config)], [str(config)]):
            code, output = run_once(
                arguments, tmp_path, name="bad" + arguments[0].strip("-/").replace("/", "")
            )
            assert code == 1
            assert complaint in output
        assert "PANIC: " in output

    def test_a_missing_configuration(self, tmp_path: Path) -> None:
        code, output = run_once([], tmp_path)
        assert code == 1
        assert "ksmppd.conf" in output
        assert "PANIC: " in output
        assert "Traceback" not in output

    def test_what_only_prints(self, tmp_path: Path) -> None:
        code, output = run_once(["--version"], tmp_path, "version")
        assert (code, __version__ in output) == (0, True)
        code, output = run_once(["--help"], tmp_path, "help")
        assert (code, "--pid-file" in output) == (0, True)
        code, output = run_once(["-g"], tmp_path, "generate")
        assert code == 0
        for key in ("wait-ack-action", "ip-blocklist-exempt-ips", "http-routing-url", "mysql-connection"):
            assert key in output

    def test_an_option_without_its_argument(self, tmp_path: Path) -> None:
        code, output = run_once(["-v"], tmp_path)
        assert code == 1
        assert "Traceback" not in output

    def test_a_busy_port_ends_the_start(self, tmp_path: Path) -> None:
        with socket.socket() as other:
            other.bind(("0.0.0.0", 0))
            other.listen()
            for key in ("smpp_port", "admin_port"):
                config = write_config(tmp_path, **{key: other.getsockname()[1]})
                code, output = run_once([str(config)], tmp_path, key)
                assert code == 1
                assert "PANIC: " in output
                assert "Traceback" not in output

    def test_pid_file_log_file_and_background(self, tmp_path: Path, box: FakeBearerbox) -> None:
        config = DaemonConfig([(BOX_ID, box.port)])
        path = tmp_path / "ksmppd.conf"
        database = SqliteDatabase(tmp_path / "ksmppd.sqlite3")
        path.write_text(render(config.groups(database, tmp_path / "ksmppd.log")), "utf-8")
        code, output = run_once(["-d", "-p", "pid", "-F", "extra.log", "-V", "1", "ksmppd.conf"], tmp_path)
        assert code == 0, output
        pid = int((tmp_path / "pid").read_text())
        try:
            box.wait_for_box()
            wait_until(lambda: accepts(config.smpp_port), "the background daemon")
            assert os.getsid(pid) != os.getsid(0)
            assert "INFO: " in (tmp_path / "extra.log").read_text()
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not (tmp_path / "pid").exists(), "the pid file to be removed", 15)
        wait_until(lambda: not accepts(config.smpp_port), "the background daemon to end")


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_an_idle_daemon(self, start_bed: StartBed, number: signal.Signals) -> None:
        daemon = start_bed().daemon
        process = daemon.process
        started = time.monotonic()
        process.signal(number)
        assert process.wait() == 0
        assert time.monotonic() - started < 10
        daemon.wait_for_log("received, aborting program...")
        daemon.stop()

    def test_sessions_get_an_unbind(self, start_bed: StartBed) -> None:
        """docs/rules/smpp-session.md 12."""
        bed = start_bed()
        customer = bed.customer()
        sessions = [bed.esme(customer, kind) for kind in ("transceiver", "receiver", "transmitter")]
        process = bed.daemon.process
        process.signal(signal.SIGTERM)
        for esme in sessions:
            esme.wait_request(wire.UNBIND)
            esme.wait_closed()
        assert process.wait() == 0
        bed.daemon.stop()

    def test_submits_in_flight_are_answered(self, start_bed: StartBed) -> None:
        """It waits up to 10 s for the bearerbox's acks and flushes the responses."""
        bed = start_bed()
        esme = bed.esme(bed.customer())
        bed.box.policy = fake.always(fake.NEVER)
        sequence = esme.send_submit(mt("in flight"))
        submit = bed.box.wait_for_text(b"in flight")
        process = bed.daemon.process
        process.signal(signal.SIGTERM)
        bed.daemon.wait_for_log("received, aborting program...")
        bed.box.ack(submit)
        assert esme.wait_response(sequence).command_status == wire.ROK
        assert process.wait() == 0
        bed.daemon.stop()

    def test_open_deliveries_are_given_back(self, start_bed: StartBed) -> None:
        """While the bearerbox is still connected: stored and acked 0, or acked 2; never lost."""
        bed = start_bed()
        customer = bed.customer()
        esme = bed.esme(customer, policy=fake_esme.always(fake_esme.NEVER))
        mo = bed.box.send_mo("+49170", customer.short_code, "open")
        esme.wait_text(b"open")
        process = bed.daemon.process
        process.signal(signal.SIGTERM)
        ack = bed.box.wait_for_ack(mo, 15)
        assert process.wait() == 0
        stored = bed.rows(customer)
        assert (ack.nack, stored) in {(box_wire.ACK_SUCCESS, 1), (box_wire.ACK_FAILED_TMP, 0)}
        bed.daemon.stop()

    def test_a_second_signal_ends_it_at_once(self, start_bed: StartBed) -> None:
        bed = start_bed()
        esme = bed.esme(bed.customer())
        esme.answers_unbinds = False
        bed.box.policy = fake.always(fake.NEVER)
        esme.send_submit(mt("never acked"))
        bed.box.wait_for_text(b"never acked")
        process = bed.daemon.process
        process.signal(signal.SIGTERM)
        bed.daemon.wait_for_log("received, aborting program...")
        assert process.exit_code() is None
        started = time.monotonic()
        process.signal(signal.SIGTERM)
        assert process.wait() == 1
        assert time.monotonic() - started < 2
        bed.daemon.kill()


class TestSignals:
    @pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR2"])
    def test_logs_are_opened_again(self, start_bed: StartBed, name: str) -> None:
        """docs/rules/operations.md 3: rotation; nothing is written to the old file afterwards."""
        bed = start_bed()
        daemon = bed.daemon
        old = daemon.log_path.with_suffix(".1")
        daemon.log_path.rename(old)
        daemon.process.signal(signal.Signals[name])
        wait_until(daemon.log_path.exists, "the new log file")
        size = wait_until(
            lambda: (
                f"{name} received, catching and re-opening logs" in old.read_text() + daemon.log()
                and old.stat().st_size
            ),
            "the line about it",
        )
        customer = bed.customer()
        bed.esme(customer)
        daemon.wait_for_log(f"SMPP[{customer.system_id}] Successfully authenticated")
        assert old.stat().st_size == size

    def test_signals_that_do_not_end_it(self, start_bed: StartBed) -> None:
        bed = start_bed()
        esme = bed.esme(bed.customer())
        for number in (signal.SIGUSR1, signal.SIGQUIT, signal.SIGPIPE):
            bed.daemon.process.signal(number)
            assert esme.submit(mt()).command_status == wire.ROK
        assert bed.daemon.process.exit_code() is None


def test_log_lines(start_bed: StartBed) -> None:
    """docs/rules/operations.md 2.1 and 2.4; each line's form is checked whenever a daemon stops."""
    bed = start_bed()
    customer = bed.customer(max_binds=1)
    bed.esme(customer)
    second = bed.connect()
    assert second.bind(customer.system_id, customer.password).command_status == wire.RBINDFAIL
    log = bed.daemon.log()
    pid = bed.daemon.process.pid
    prefix = rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \[{pid}\] \[\d+\] "
    assert re.search(prefix + rf"INFO: SMPP\[{customer.system_id}\] Successfully authenticated", log)
    assert re.search(
        prefix + rf"WARNING: SMPP\[{customer.system_id}\] has exceeded its bind limit \(1/1\), rejecting", log
    )
    assert log.count("max_binds") == 1
    assert log.count("rejecting") == 1
    assert re.search(prefix + r"INFO: .*Successfully connected and identified\.", log)


def test_start_on_the_database_of_a_former_run(
    start_daemon: Callable[..., Daemon], box: FakeBearerbox
) -> None:
    daemon = start_daemon([(BOX_ID, box.port)])
    (before,) = daemon.database.execute("SELECT version FROM smpp_version WHERE component = 'ksmppd'")
    assert int(str(before[0])) == 4
    daemon.restart()
    assert daemon.database.execute("SELECT version FROM smpp_version WHERE component = 'ksmppd'") == [before]
