"""The pages that are made from the code are what the code renders, and every page is in the site."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import yaml

from ksmppd_py.admin.commands import COMMANDS, PUBLIC

PROJECT = Path(__file__).resolve().parents[1]


def test_configuration_page() -> None:
    render = runpy.run_path(str(PROJECT / "tools/render_configuration.py"))["render"]
    written = (PROJECT / "docs/configuration.md").read_text("utf-8")
    assert written == render(), "run `python tools/render_configuration.py`"


def test_site_has_every_page() -> None:
    site = yaml.safe_load((PROJECT / "mkdocs.yml").read_text("utf-8"))
    named = {page for entry in site["nav"] for page in entry.values()}
    there = {str(path.relative_to(PROJECT / "docs")) for path in (PROJECT / "docs").rglob("*.md")}
    assert named == there


def test_links_lead_somewhere() -> None:
    for page in (*(PROJECT / "docs").glob("*.md"), PROJECT / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_openapi_has_every_command() -> None:
    api = yaml.safe_load((PROJECT / "docs/openapi.yaml").read_text("utf-8"))
    assert list(api["paths"]) == list(COMMANDS)
    public = {path for path, methods in api["paths"].items() if methods["get"].get("security") == []}
    assert public == PUBLIC
    page = (PROJECT / "docs/http-api.md").read_text("utf-8")
    for path in COMMANDS:
        assert f"| `{path}` |" in page
