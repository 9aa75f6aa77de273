"""How the scribe is started: by the name of this file, with nothing loaded that lies in site-packages."""

from __future__ import annotations

import sys
from os.path import abspath, dirname

if __name__ == "__main__":
    sys.path.append(dirname(dirname(dirname(abspath(__file__)))))
    from ksmppd_py.accesslog.scribe import main

    main()
