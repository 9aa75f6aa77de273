"""Runs ksmppd with some of its constants changed: `launcher.py module:NAME=number ... -- arguments of ksmppd`.

`module:Class.field=number` changes the default of a field of a dataclass.

Only for tests: what the daemon waits 5, 30 or 60 seconds for, a fault suite can't wait for a thousand times.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType

import gevent
from gevent import monkey


def print_greenlets() -> None:
    """Print the stack of every greenlet on stderr."""
    for each in gc.get_objects():
        if isinstance(each, gevent.Greenlet) and each.gr_frame is not None:
            print(f"greenlet {each.name}", file=sys.stderr)
            traceback.print_stack(each.gr_frame, file=sys.stderr)


def change(module: ModuleType, constant: str, value: float) -> None:
    """Set a constant of the module, or the default of a dataclass's field."""
    name, _, field = constant.partition(".")
    before = getattr(module, name)
    if not field:
        setattr(module, name, type(before)(value))
        return
    fields = dataclasses.fields(before)
    assert field in [each.name for each in fields]
    before.__init__.__defaults__ = tuple(
        value if each.name == field else default
        for each, default in zip(fields, before.__init__.__defaults__, strict=True)
    )


def main() -> None:
    """Patch, then run the daemon's own `main`."""
    monkey.patch_all()
    end = sys.argv.index("--")
    for assignment in sys.argv[1:end]:
        place, _, value = assignment.partition("=")
        module_name, _, constant = place.partition(":")
        change(importlib.import_module(module_name), constant, float(value))
    gevent.signal_handler(signal.SIGUSR2, print_greenlets)
    sys.argv[:] = ["ksmppd", *sys.argv[end + 1 :]]
    entry = importlib.import_module("ksmppd_py.__main__")
    entry.main()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
