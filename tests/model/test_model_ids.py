"""message_id: text of version 4 UUIDs."""

from __future__ import annotations

import os
import re
import uuid

from ksmppd_py.model.ids import MessageIds

FORM = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_form_and_uniqueness() -> None:
    ids = MessageIds(os.urandom)
    made = [ids.next() for _ in range(5000)]
    assert len(set(made)) == len(made)
    assert all(FORM.fullmatch(each) for each in made)


def test_python_reads_them_as_random_uuids() -> None:
    ids = MessageIds(os.urandom)
    for _ in range(300):
        read = uuid.UUID(ids.next().decode())
        assert (read.version, read.variant) == (4, uuid.RFC_4122)


def test_all_random_digits_come_through() -> None:
    """122 of the 128 bits are the source's; version and variant are fixed for all random values."""
    assert MessageIds(lambda count: b"\xff" * count).next() == b"ffffffff-ffff-4fff-bfff-ffffffffffff"
    assert MessageIds(bytes).next() == b"00000000-0000-4000-8000-000000000000"
    counting = MessageIds(lambda count: bytes(range(16)) * (count // 16))
    assert counting.next() == b"00010203-0405-4607-8809-0a0b0c0d0e0f"


def test_randomness_is_fetched_in_batches() -> None:
    asked: list[int] = []

    def source(count: int) -> bytes:
        asked.append(count)
        return os.urandom(count)

    ids = MessageIds(source)
    for _ in range(128):
        ids.next()
    assert asked == [16 * 128]
    ids.next()
    assert len(asked) == 2
