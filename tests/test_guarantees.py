"""Each proof that docs/guarantees.md names is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
_PROOF = re.compile(r"`(?:tests/)?((?:[\w*]+/)*test_[\w*]+\.py)`(?: \(([^)]*)\))?")


def test_every_proof_is_there() -> None:
    proofs = _PROOF.findall(PAGE.read_text("utf-8"))
    assert len(proofs) > 40
    for path, names in proofs:
        files = [*TESTS.glob(path), *(TESTS / "faults").glob(path)]
        assert files, path
        texts = "".join(file.read_text("utf-8") for file in files)
        for name in re.findall(r"`([^`]+)`", names):
            pattern = r"\w*".join(map(re.escape, name.split("…")))
            assert re.search(rf"^ *(def test_\w*{pattern}|{pattern} = )", texts, re.M), f"{path}: {name}"
