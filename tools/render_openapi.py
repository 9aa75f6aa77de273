"""Write docs/api-v1.json, the OpenAPI document of the management API, from the declarations of its operations."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ksmppd_py import __version__
from ksmppd_py.admin.api.handler import OPERATIONS
from ksmppd_py.admin.api.openapi import document

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api-v1.json"


def render() -> str:
    """Return the document."""
    return json.dumps(document(OPERATIONS, __version__), indent=1) + "\n"


def main() -> int:
    """Write the document."""
    PAGE.write_text(render(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
