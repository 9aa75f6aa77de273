"""Every operation under requests that schemathesis makes of the OpenAPI document: right, wrong and hostile ones."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from api_bench import PASSWORD, ApiBench
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode

from ksmppd_py import __version__
from ksmppd_py.admin.api.handler import LONGEST_BODY, OPERATIONS
from ksmppd_py.admin.api.openapi import document

pytestmark = pytest.mark.slow

EXAMPLES = 6
LONGEST_LINE = 8000
"""Octets of a path with its query that the HTTP server reads."""
SCHEMA = schemathesis.openapi.from_dict(document(OPERATIONS, __version__))
FOUND = {operation.label: operation for operation in (each.ok() for each in SCHEMA.get_all_operations())}
MODES = {"right": GenerationMode.POSITIVE, "wrong": GenerationMode.NEGATIVE}
# A value may be of the right type and yet break a rule, such as an expression that can't be compiled.
LEFT_OUT = [checks.positive_data_acceptance]
KNOWN = {"system_id": "acme", "route_id": "1", "bind_id": "4", "ip": "10.0.0.9", "name": "box"}


def test_every_operation_is_fuzzed() -> None:
    assert set(FOUND) == {f"{operation.method} {operation.path}" for operation in OPERATIONS}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("label", FOUND)
def test_operation(bench: ApiBench, label: str, mode: str) -> None:
    operation = FOUND[label]
    bench.api("POST", "/accounts", {"system_id": "acme", "password": "secret"})
    bench.api("POST", "/routes", {"direction": 1, "system_id": "acme"})
    cases = operation.as_strategy(generation_mode=MODES[mode])

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(cases, st.booleans())
    def check(case: Any, knows: bool) -> None:
        assume(len(repr(case.body)) < LONGEST_BODY // 4)  # the others aren't read
        words = f"{case.query!r}{case.path_parameters!r}"
        assume(len(quote(words, errors="replace")) < LONGEST_LINE)  # the HTTP server answers 414
        if knows and mode == "right":
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters if name in KNOWN})
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{bench.server.port}/api/v1",
            auth=("admin", PASSWORD),
            excluded_checks=LEFT_OUT,
            timeout=10,
        )

    check()
