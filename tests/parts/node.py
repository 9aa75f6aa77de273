"""node-smpp, an independent SMPP client, fetched from npm once and kept in a cache directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSION = "0.5.1"
PACKAGES = "nodejs npm"
_PATIENCE = 120  # seconds for npm


def program(name: str) -> str:
    """The path of a program. Without it the test fails and names it."""
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: install the packages {PACKAGES}")
    return found


def directory() -> Path:
    """Return the directory in which node finds the package `smpp`; npm installs it if needed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "ksmppd-tests" / f"node-smpp-{VERSION}"
    if not (place / "node_modules" / "smpp" / "package.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [program("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(place), f"smpp@{VERSION}"],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm can't fetch smpp {VERSION}:\n{done.stdout}{done.stderr}")
    return place
