"""packaging/fail2ban against what the daemon writes, and against names that feign an address."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import StartBed
from tests.parts.http import request
from tests.parts.process import require_program
from tests.parts.waiting import wait_until

FILTER = Path(__file__).resolve().parents[2] / "packaging/fail2ban/filter.conf"
JAIL = FILTER.with_name("jail.conf")
PREFIX = "2026-01-31 09:05:01 [4203] [7] "

pytestmark = pytest.mark.integration


def found(log: Path) -> list[str]:
    """The addresses that the filter would count, in the order of their lines."""
    require_program("/usr/bin/fail2ban-regex", "fail2ban")
    done = subprocess.run(
        ["/usr/bin/fail2ban-regex", "--out", "ip", str(log), str(FILTER)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1 = no line fits
    return done.stdout.split()


LINES = [
    ("WARNING: SMPP[acme] bind from 10.0.0.1 refused: credentials [system_id:acme] [bind:4]", "10.0.0.1"),
    ("WARNING: SMPP[acme] bind from 10.0.0.2 refused: credentials", "10.0.0.2"),
    ("WARNING: SMPP[acme] bind from 2001:db8::5 refused: ip [system_id:acme] [bind:4]", "2001:db8::5"),
    ("WARNING: SMPP[\\x0a] bind from 10.0.0.3 refused: control characters", "10.0.0.3"),
    ("WARNING: SMPP[] bind from 10.0.0.4 refused: credentials", "10.0.0.4"),
    ("WARNING: SMPP[] bind from 9.] bind from 10.0.0.5 refused: credentials [system_id:x]", "10.0.0.5"),
    ("WARNING: Wrong password for the administration port from 10.0.0.6", "10.0.0.6"),
    ("WARNING: 10.0.0.7 is blocked for 300 s: 10 refused binds [system_id:a] [bind:4]", "10.0.0.7"),
    ("WARNING: 2001:db8::/64 is blocked for 1e+06 s: 10 refused binds", "2001:db8::/64"),
    ("WARNING: SMPP[] is blocked for 300 s: 10 refused binds", None),
    ("WARNING: SMPP[acme] bind from 10.0.0.8 refused: back end: no answer", None),
    ("WARNING: SMPP[acme] has exceeded its bind limit (1/1), rejecting bind from 10.0.0.9: max_binds", None),
    ("INFO: SMPP[acme] Successfully authenticated", None),
    ("INFO: Administration: esme-unbind system-id=x from 10.0.0.10 by the password", None),
    ("DEBUG: Wrong password for the administration port from 10.0.0.11", None),
]
"""Lines of the daemon, and the address that counts; each address stands in one line only."""


def test_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"{PREFIX}{line}\n" for line, _ in LINES), "utf-8")
    assert found(log) == [address for _, address in LINES if address]


def test_what_the_daemon_writes(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"log-level": 2, "ip-blocklist-exempt-ips": "127.0.0.1"})
    customer = bed.customer()
    for _ in range(12):  # more than are thinned out
        with Esme(bed.daemon.smpp_port) as esme:
            assert esme.bind(customer.system_id, "wrong").command_status == wire.RBINDFAIL
            esme.wait_closed()
    assert request(bed.daemon.config.admin_port, "/uptime", password="wrong").status == 403
    wait_until(lambda: bed.daemon.log().count("WARNING") >= 13, "the lines")
    assert found(bed.daemon.log_path) == ["127.0.0.1"] * 13


def test_the_jail_names_what_is_there() -> None:
    jail = configparser.ConfigParser(interpolation=None)
    jail.read_string(JAIL.read_text("utf-8"))
    assert jail.sections() == ["ksmppd"]
    rotated = re.search(
        r"^(/\S*)\*\.log", FILTER.parents[1].joinpath("logrotate").read_text("utf-8"), re.MULTILINE
    )
    assert rotated is not None
    assert Path(jail["ksmppd"]["logpath"]).parent == Path(rotated[1])
