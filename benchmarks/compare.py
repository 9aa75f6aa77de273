"""`python -m benchmarks.compare OLD NEW`: two results of benchmarks.run side by side, as multiples of their floors."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    """Print a line for each scenario that both have; 2 when the arguments are wrong."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    old, new = (json.loads(Path(name).read_text())["scenarios"] for name in sys.argv[1:])
    for name in old:
        if name in new:
            before, after = old[name]["ratio"], new[name]["ratio"]
            print(f"{name:14s} {before:6.2f} x -> {after:6.2f} x  {(after / before - 1) * 100:+6.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
