"""One daemon for all checks: SQLite, a scripted bearerbox, short timers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.bench import (
    ENQUIRE_LINK,
    INACTIVITY,
    MOST_OPEN_ACKS,
    SERVER_ID,
    SESSION_INIT,
    VENDOR_TAG,
    WAIT_ACK,
    Bench,
)
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase

pytest.register_assert_rewrite(
    *(
        f"tests.conformance.checks_{part}"
        for part in ("deliveries", "operations", "pdus", "sessions", "submits")
    )
)


@pytest.fixture(scope="session")
def conformance_box() -> Iterator[FakeBearerbox]:
    """A scripted bearerbox."""
    with FakeBearerbox() as box:
        yield box


@pytest.fixture(scope="session")
def conformance_daemon(
    conformance_box: FakeBearerbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """The daemon in the standard's way where it offers one."""
    directory = tmp_path_factory.mktemp("conformance")
    vendor = {"name": "vendor", "tag": VENDOR_TAG, "length": 20, "type": "octetstring"}
    config = DaemonConfig(
        [(BOX_ID, conformance_box.port)],
        ksmppd={
            "id": SERVER_ID,
            "switch-dlr-addr": True,
            "session-init-timeout": SESSION_INIT,
            "enquire-link-interval": ENQUIRE_LINK,
            "inactivity-timeout": INACTIVITY,
            "wait-ack-timeout": WAIT_ACK,
            "default-max-open-acks": MOST_OPEN_ACKS,
        },
        others=[("smpp-tlv", vendor)],
    )
    with Daemon(directory, config, SqliteDatabase(directory / "ksmppd.sqlite3")) as daemon:
        conformance_box.wait_for_box()
        yield daemon


@pytest.fixture
def bench(conformance_daemon: Daemon, conformance_box: FakeBearerbox) -> Iterator[Bench]:
    """Sessions of this check alone."""
    bed = Bed(conformance_daemon, conformance_box)
    yield Bench(bed)
    bed.close()
