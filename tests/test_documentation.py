"""The pages that are made from the code are what the code renders, and every page is in the site."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import yaml

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
