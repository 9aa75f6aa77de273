"""Runs ksmppd with some of its constants changed: `launcher.py module:NAME=number ... -- arguments of ksmppd`.

Only for tests: what the daemon waits 5, 30 or 60 seconds for, a fault suite can't wait for a thousand times.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from gevent import monkey


def main() -> None:
    """Patch, then go through the daemon's own front door."""
    monkey.patch_all()
    end = sys.argv.index("--")
    for assignment in sys.argv[1:end]:
        place, _, value = assignment.partition("=")
        module_name, _, constant = place.partition(":")
        module = importlib.import_module(module_name)
        before = getattr(module, constant)
        setattr(module, constant, type(before)(float(value)))
    sys.argv[:] = ["ksmppd", *sys.argv[end + 1 :]]
    front_door = importlib.import_module("ksmppd_py.__main__")
    front_door.main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
