"""Pictures of the console with something going on: `python -m gevent.monkey --module tests.integration.screenshots`.

The page shows what has happened, so this takes four minutes, or the seconds of a second argument: traffic of several
accounts, one above its throughput, one without credit, a bearerbox that goes away and one that was never there. Writes
docs/images/, and further sizes into a directory that is named as the first argument.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.fakes import box_wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import Esme
from tests.integration.bed import mt
from tests.parts.chromium import chromium, emulate, screenshot
from tests.parts.daemon import PASSWORD, Daemon, DaemonConfig
from tests.parts.database import Account, RouteRow, SqliteDatabase
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
SECONDS = 240.0
ACCOUNTS = {
    "acme": {"max_binds": 5},
    "globex": {"max_binds": 4, "throughput": 10.0},
    "hooli": {},
    "initech": {"enable_prepaid_billing": 1, "credit": 300.0},
    "umbrella": {},
}
SIZES = ((360, 780), (768, 1024), (1024, 768), (1440, 900))


def box_policy(sms: box_wire.Sms) -> int:
    """Refuses one of fifty."""
    return box_wire.ACK_FAILED if random.random() < 0.02 else box_wire.ACK_SUCCESS


def submit_on(esme: Esme, rate: float, stop: threading.Event) -> None:
    """Submit until it stops."""
    while not stop.wait(random.expovariate(rate)):
        number = random.randrange(10**6)
        esme.submit(mt(b"hello", destination_addr=b"4670%06d" % number, registered_delivery=1))


def report_on(box: FakeBearerbox, stop: threading.Event) -> None:
    """Report on what was accepted."""
    done = 0
    while not stop.wait(0.2):
        fresh = list(box.submits[done:])
        done += len(fresh)
        for submit in fresh[:20]:
            box.send_dlr(submit.sms)


def take(browser: Chrome, port: int, folder: Path | None) -> None:
    """Sign in, and take all pictures."""
    emulate(browser, 1360, 1280)
    browser.get(f"http://127.0.0.1:{port}/")
    wait_until(lambda: browser.find_element(By.ID, "password").is_displayed(), "the page")
    browser.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "#esmes tr.bind"), "the accounts", 15)
    pictures = [
        ("dashboard", (1360, 1280), False, False, IMAGES),
        ("dashboard-dark", (1360, 1280), True, False, IMAGES),
        ("dashboard-phone", (390, 844), False, True, IMAGES),
    ]
    if folder is not None:
        for width, height in SIZES:
            for dark in (False, True):
                pictures.append((f"{width}{'-dark' if dark else ''}", (width, height), dark, False, folder))
    for name, (width, height), dark, phone, where in pictures:
        emulate(browser, width, height, dark=dark, phone=phone)
        if where is folder:  # all of the page
            whole = int(browser.execute_script("return document.documentElement.scrollHeight"))
            emulate(browser, width, whole, dark=dark, phone=phone)
        time.sleep(2.5)
        screenshot(browser, where / f"{name}.png")
    for page in ("accounts", "accounts/initech", "routes/acme"):
        browser.execute_script("location.hash = arguments[0]", f"#/{page}")
        emulate(browser, 1360, 1000)
        time.sleep(2.5)
        screenshot(browser, IMAGES / f"console-{page.split('/')[0] + '-one' * ('/' in page)}.png")


def main() -> None:
    """Start everything, let it run, take the pictures."""
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with FakeBearerbox(box_policy) as box, FakeBearerbox() as second, chromium() as browser:
            config = DaemonConfig([("smsc1", box.port), ("smsc2", second.port), ("spare", free_port())])
            config.ksmppd = {"database-enable-queue": "true", "ip-blocklist-exempt-ips": "10.9.9.9"}
            with Daemon(directory, config, SqliteDatabase(directory / "ksmppd.sqlite3")) as daemon:
                esmes = []
                for system_id, settings in ACCOUNTS.items():
                    daemon.add_accounts(Account(system_id, "secret", **settings))
                    routes = [
                        RouteRow(1, regex, system_id, cost=1.0) for regex in (r"^\+46", r"^\+4[57]", "")
                    ]
                    daemon.add_routes(*routes, RouteRow(2, f"^7{len(system_id)}00$", system_id))
                    for kind in ("transceiver", "transmitter")[: random.choice((1, 2))]:
                        esmes.append(Esme.bound(daemon.smpp_port, system_id, "secret", kind))
                threads = [
                    threading.Thread(target=submit_on, args=(esme, random.uniform(3, 12), stop), daemon=True)
                    for esme in esmes
                ]
                threads.append(threading.Thread(target=report_on, args=(box, stop), daemon=True))
                for thread in threads:
                    thread.start()
                for system_id in ("acme", "nobody", "acme"):
                    with Esme(daemon.smpp_port) as esme:
                        esme.bind(system_id, "wrong")
                time.sleep(seconds / 3)
                second.stop()
                time.sleep(seconds / 4)
                second.start()
                time.sleep(seconds / 3)
                take(browser, daemon.config.admin_port, folder)
                stop.set()


if __name__ == "__main__":
    main()
