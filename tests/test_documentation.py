"""The pages that are made from the code are what the code renders, and every page is in the site."""

from __future__ import annotations

import ast
import json
import re
import runpy
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ksmppd_py.admin.commands import COMMANDS, PUBLIC
from ksmppd_py.admin.render import render
from ksmppd_py.admin.results import (
    Message,
    QueueRow,
    QueueStatus,
    RecentRefusals,
    RefusalRow,
    RoutesUpdated,
    Uptime,
    Version,
)
from ksmppd_py.model.esme import BindSnapshot, BlockedAddress, EsmeSnapshot, ServerSnapshot
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import RouteTestResult
from ksmppd_py.model.status import BearerboxSnapshot, BearerboxStatus

PROJECT = Path(__file__).resolve().parents[1]


def test_management_api_document() -> None:
    tool = runpy.run_path(str(PROJECT / "tools/render_openapi.py"))
    written = (PROJECT / "docs/api-v1.json").read_text("utf-8")
    assert written == tool["render"](), "run `python tools/render_openapi.py`"


def test_configuration_pages() -> None:
    tool = runpy.run_path(str(PROJECT / "tools/render_configuration.py"))
    written = (PROJECT / "docs/configuration.md").read_text("utf-8")
    assert written == tool["render"](), "run `python tools/render_configuration.py`"
    written = (PROJECT / "docs/operations.md").read_text("utf-8")
    assert written == tool["render_operations"](written), "run `python tools/render_configuration.py`"
    assert f"\n{tool['TABLE_BEGIN']}\n\n| group |" in written


def pages_of(entry: Any) -> list[str]:
    """The pages that an entry of the navigation names, with those of its sections."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [page for each in inner for page in pages_of(each)]


def test_site_has_every_page() -> None:
    site = yaml.safe_load((PROJECT / "mkdocs.yml").read_text("utf-8"))
    named = set(pages_of(site["nav"]))
    there = {str(path.relative_to(PROJECT / "docs")) for path in (PROJECT / "docs").rglob("*.md")}
    assert named == there


def test_links_lead_somewhere() -> None:
    """Those of the site stay in it: mkdocs takes no others."""
    of_repository = [*PROJECT.glob("*.md")]
    for page in (*(PROJECT / "docs").rglob("*.md"), *of_repository):
        home = page.parent if page in of_repository else PROJECT / "docs"
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in target:
                path = (page.parent / target).resolve()
                assert path.exists(), f"{page.name}: {target}"
                assert path.is_relative_to(home), f"{page.name}: {target} is outside"


def test_decisions_that_are_cited_exist() -> None:
    told = set(
        re.findall(
            r"^\| (D-[0-9]{2}) \|", (PROJECT / "docs/rules/decisions.md").read_text("utf-8"), re.MULTILINE
        )
    )
    assert told == {f"D-{number:02}" for number in range(1, len(told) + 1)}
    places = [
        path
        for folder in ("ksmppd_py", "tests", "docs")
        for path in (PROJECT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".txt")
    ]
    for path in places:
        cited = set(re.findall(r"\bD-[0-9]{2}\b", path.read_text("utf-8")))
        assert cited <= told, f"{path}: {cited - told}"


def rule_sections() -> dict[str, set[str]]:
    """The numbers of the sections of each file of docs/rules."""
    found: dict[str, set[str]] = {}
    for path in (PROJECT / "docs/rules").glob("*.md"):
        found[path.name] = set(re.findall(r"^#+ ([0-9.]*[0-9])\.? ", path.read_text("utf-8"), re.MULTILINE))
    return found


def test_rules_that_are_cited_exist() -> None:
    sections = rule_sections()
    number = r"[0-9]+(?:\.[0-9]+)*"
    cited = re.compile(rf"docs/rules/([a-z-]+\.md)((?:(?: |, | and | to ){number})*)")
    for path in (
        each for folder in ("ksmppd_py", "kannel_conf", "tests") for each in (PROJECT / folder).rglob("*.py")
    ):
        text = path.read_text("utf-8")
        assert path.name == "test_documentation.py" or not re.search(r"\bspec/|smpp34-clauses", text), path
        for name, numbers in cited.findall(text):
            assert name in sections, f"{path}: {name}"
            missing = set(re.findall(number, numbers)) - sections[name]
            assert not missing, f"{path}: {name} {missing}"


def api() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((PROJECT / "docs/openapi.yaml").read_text("utf-8"))
    return described


def test_openapi_has_every_command() -> None:
    paths = api()["paths"]
    assert list(paths) == [*COMMANDS, "/metrics"]
    public = {path for path, methods in paths.items() if methods["get"].get("security") == []}
    assert public == PUBLIC
    page = (PROJECT / "docs/http-api.md").read_text("utf-8")
    for path in COMMANDS:
        assert f"| `{path}` |" in page


RESULTS: dict[str, object] = {
    "/uptime": Uptime(1),
    "/log-level": Message(200, "", {"level": 1}),
    "/esme-status": ServerSnapshot(0, (0, 0, 0), 0, (0, 0, 0), ()),
    "/esme-unbind": Message(200, "", {"count": 1}),
    "/rebuild-routes": RoutesUpdated(RouteReport(1, 0)),
    "/bearerbox-status": BearerboxStatus(0, 0, ()),
    "/queue-status": QueueStatus(0, 0, None, False, ()),
    "/version": Version("", "", "", ""),
    "/healthz": Message(200, ""),
    "/readyz": Message(200, "", {"state": "ready", "troubles": (), "words": ""}),
    "/refusals": RecentRefusals(0, ()),
}


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in ("/blocked-ips", "/route-test")])
def test_openapi_tells_the_members_of_json_answers(path: str) -> None:
    described = api()
    answer = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    schema = described["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]]
    told = json.loads(render(path, RESULTS[path], ".json").body)
    assert list(schema["properties"]) == list(told)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ("Esme", EsmeSnapshot),
        ("Bind", BindSnapshot),
        ("Bearerbox", BearerboxSnapshot),
        ("Queue", QueueRow),
        ("BlockedIp", BlockedAddress),
        ("Refusal", RefusalRow),
    ],
)
def test_openapi_tells_the_members_of_what_lists_hold(schema: str, kind: Any) -> None:
    assert list(api()["components"]["schemas"][schema]["properties"]) == [each.name for each in fields(kind)]


def test_openapi_tells_the_members_of_a_route_test() -> None:
    known = set(api()["components"]["schemas"]["RouteTest"]["properties"])
    routed = RouteTestResult("1", "2", 0, "route", "", 12, "smsc", 2, 1.5, True)
    refused = RouteTestResult("1", "2", 0x0B, reason="no route", refusal="no route")
    poor = replace(routed, credit=1.0, throughput=1.0, is_outdated=True)
    told = [json.loads(render("/route-test", result, ".json").body) for result in (routed, refused, poor)]
    assert {name for each in told for name in each} == known


def test_modules_that_are_named_exist() -> None:
    """Pages name modules from the root, from the package or from the tests."""
    roots = [PROJECT, PROJECT / "ksmppd_py", PROJECT / "tests", PROJECT / "tests/faults"]
    for page in (*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md")):
        if page.name == "CHANGELOG.md":
            continue
        for name in re.findall(r"`([a-z_/]+\.py)`", page.read_text("utf-8")):
            assert any((root / name).exists() for root in roots), f"{page.name}: {name}"


NOUN_CLAUSE = re.compile(
    r"(What|Whatever|Who|Whoever|Whose|Where|Which|How|That|Nobody|Somebody|Everybody)\b"
)


HOUSE_WORDS = re.compile(
    r"\b(nobody|whoever|somebody|everybody|anew|in vain|lately|goodbye)\b", re.IGNORECASE
)


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the docstrings of modules, classes, functions, constants and fields."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Expr(lineno=line, value=ast.Constant(value=str(text))):
                yield line, text.strip()


def test_docstrings_name_their_subject() -> None:
    """A docstring begins with a verb or a noun, not with a clause that takes the place of a noun."""
    folders = ("ksmppd_py", "kannel_conf", "tests", "tools", "benchmarks", "examples")
    refused = [
        f"{path.relative_to(PROJECT)}:{line}: {text.splitlines()[0]}"
        for folder in folders
        for path in (PROJECT / folder).rglob("*.py")
        for line, text in docstrings(path)
        if NOUN_CLAUSE.match(text) or HOUSE_WORDS.search(text)
    ]
    assert not refused, "name the subject:\n" + "\n".join(refused)


def test_pages_say_who_does_what() -> None:
    for page in (*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md")):
        if page.name != "CHANGELOG.md":
            words = HOUSE_WORDS.findall(
                re.sub(r"`[^`]*`|^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
            )
            assert not words, f"{page.name}: {words}"
