"""Headless Chromium, driven through Debian's chromedriver, with a profile of its own."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.parts.process import require_program

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--lang=en-GB",
)


@contextmanager
def chromium(width: int = 1280, height: int = 900) -> Iterator[webdriver.Chrome]:
    """A browser that has never seen anything; it and its driver end here."""
    require_program(CHROMIUM, "chromium")
    require_program(DRIVER, "chromium-driver")
    with tempfile.TemporaryDirectory(prefix="chromium") as profile:
        options = Options()
        options.binary_location = CHROMIUM
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = Service(DRIVER, log_output=os.devnull, env={**os.environ, "HOME": profile})
        driver = webdriver.Chrome(options=options, service=service)
        try:
            driver.set_script_timeout(15)
            driver.set_page_load_timeout(30)
            yield driver
        finally:
            driver.quit()


def emulate(
    driver: webdriver.Chrome, width: int, height: int, *, dark: bool = False, phone: bool = False
) -> None:
    """Make the viewport that size, with or without the wish for darkness."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]},
    )


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Return the lines that the page wrote on the console since the last call."""
    return [json.dumps(entry) for entry in driver.get_log("browser")]


def screenshot(driver: webdriver.Chrome, path: Path) -> None:
    """The viewport as PNG."""
    path.write_bytes(driver.get_screenshot_as_png())
