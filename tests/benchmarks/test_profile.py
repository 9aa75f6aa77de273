"""benchmarks/profile.py names methods that exist."""

from __future__ import annotations

import ast
from pathlib import Path

from benchmarks.profile import STEPS

PACKAGE = Path(__file__).resolve().parents[2] / "ksmppd_py"


def methods() -> set[str]:
    """Return `Class.method` of every class of the package."""
    return {
        f"{node.name}.{member.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef)
    }


def test_steps_name_methods() -> None:
    named = {method for _, methods_of_step in STEPS for method in methods_of_step}
    assert named <= methods(), named - methods()
