"""Leases of message ids: disjoint between servers and after restarts, on every database."""

from __future__ import annotations

import gevent

from ksmppd_py.storage.id_leases import DatabaseIdLeases
from tests.storage.conftest import Place


def test_leases_follow_each_other(place: Place) -> None:
    leases = DatabaseIdLeases(place.database)
    assert [leases.lease("acme", count) for count in (8, 16, 1)] == [0, 8, 24]
    assert leases.lease("other", 5) == 0
    assert DatabaseIdLeases(place.database).lease("acme", 1) == 25  # another server, or after a restart


def test_servers_at_the_same_time(place: Place) -> None:
    """No position is given twice, above all of an account whose row several servers want to insert."""
    servers = [DatabaseIdLeases(place.database) for _ in range(4)]
    for account in ("acme", "other", "third", "fourth", "fifth"):
        jobs = [gevent.spawn(servers[number % 4].lease, account, 10) for number in range(24)]
        gevent.joinall(jobs, raise_error=True)
        assert sorted(job.value for job in jobs) == [10 * number for number in range(24)]
