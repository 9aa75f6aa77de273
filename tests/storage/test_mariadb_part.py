"""The private server that tests use."""

from __future__ import annotations

import pytest

from tests.parts.mariadb import MariaDB


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    server = MariaDB()
    try:
        with pytest.raises(RuntimeError, match="install the package mariadb-server"):
            server.start()
    finally:
        server.remove()
