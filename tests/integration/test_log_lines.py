"""The context of a real daemon's log lines, and secrets that they never contain."""

from __future__ import annotations

import re

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import StartBed, mt
from tests.parts.http import request

pytestmark = pytest.mark.integration


def test_lines_of_a_session_bear_system_id_and_bind_id(start_bed: StartBed) -> None:
    """From the bind request on, which names the account."""
    bed = start_bed()
    customer = bed.customer()
    esme = bed.esme(customer)
    assert esme.submit(mt()).command_status == wire.ROK
    with Esme(bed.daemon.smpp_port) as stranger:
        assert stranger.bind("Stranger", "x").command_status == wire.RBINDFAIL
    log = bed.daemon.log()
    name = customer.system_id
    for text in (
        rf"INFO: SMPP\[{name}\] Successfully authenticated \[system_id:{name}\] \[bind:(\d+)\]\n",
        rf"DEBUG: Got #2 .*submit_sm.* \[system_id:{name}\] \[bind:(\d+)\]\n",
        r"WARNING: SMPP\[Stranger\] bind from 127.0.0.1 refused: credentials \[system_id:stranger\] \[bind:(\d+)\]\n",
    ):
        assert re.search(text, log), text


def test_passwords_never(start_bed: StartBed) -> None:
    """Neither those of ESMEs nor the operator's, however they come, at level 0."""
    bed = start_bed()
    customer = bed.customer()
    bed.esme(customer)
    with Esme(bed.daemon.smpp_port) as stranger:
        stranger.bind(customer.system_id, "hush-esm")
    port = bed.daemon.config.admin_port
    for path in ("/uptime", "/nothing", "/esme-status.xml", "/dashboard/state"):
        request(port, path, password="hush-operator")
        bed.daemon.admin(path)
    log = bed.daemon.log() + bed.daemon.process.output()
    assert "bind_transceiver" in log
    for secret in (customer.password, "hush", "ksmppdpass"):
        assert secret not in log
