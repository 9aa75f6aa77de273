"""The console's pages in a real browser, in front of a real daemon."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox, always
from tests.fakes.prometheus import FakePrometheus
from tests.integration.bed import Bed, mt
from tests.integration.console_page import BROKEN_WORDS, CONTRAST, Page, opened
from tests.parts.api import ApiClient
from tests.parts.chromium import complaints, emulate
from tests.parts.daemon import PASSWORD, Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

ESME = Path(sys.executable).with_name("ksmppd-esme")
EVIL = "<img src=x onerror=document.title='taken'>"
PAGES = ("accounts", "routes", "bearerboxes", "queues", "refusals", "events", "audit", "users")


@pytest.fixture(scope="module")
def console_bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """One daemon with users for all tests of this module."""
    directory = tmp_path_factory.mktemp("console")
    with FakeBearerbox() as box, FakePrometheus() as prometheus:
        config = DaemonConfig([("KSMPPD", box.port)], http={"prometheus-url": prometheus.url})
        config.others = [("http-user", {"username": "eve", "password": "secret", "role": "viewer"})]
        with Daemon(directory, config, SqliteDatabase(directory / "ksmppd.sqlite3")) as daemon:
            box.wait_for_box()
            yield Bed(daemon, box)


@pytest.fixture
def page(browser: Chrome, console_bed: Bed) -> Iterator[Page]:
    """A page that is signed in; at the end nothing may be on the console."""
    yield from opened(browser, console_bed)
    console_bed.close()
    console_bed.esmes.clear()


@pytest.fixture
def api(console_bed: Bed) -> ApiClient:
    return ApiClient(console_bed.daemon.config.admin_port, PASSWORD)


def go(page: Page, path: str, selector: str) -> None:
    """Show a page, and wait for a part of it."""
    page.browser.execute_script("location.hash = arguments[0]", f"#/{path}")
    page.part(selector)


def press(page: Page, words: str, within: str = "body") -> None:
    """Press the button with these words, once it is there."""

    def pressed() -> bool:
        try:
            for button in page.browser.find_elements(By.CSS_SELECTOR, f"{within} button"):
                if button.text == words and button.is_enabled():
                    button.click()
                    return True
        except StaleElementReferenceException:
            pass  # drawn again meanwhile
        return False

    wait_until(pressed, lambda: f"the button {words}\n{page.text()}", 15)


def fill(page: Page, form: str, **values: str) -> None:
    """Type into a form's fields."""
    for name, value in values.items():
        field = page.part(f"#{form} [name={name}]")
        field.clear()
        field.send_keys(value)


def choose(page: Page, name: str, words: str) -> None:
    Select(page.part(f"#{name}")).select_by_visible_text(words)


def send(page: Page, form: str) -> None:
    page.part(f"#{form} button[type=submit]").click()


def run_esme(bed: Bed, *more: str) -> subprocess.CompletedProcess[str]:
    """Send one message with ksmppd-esme."""
    account = ("--system-id", "acme", "--password", "s3cret")
    message = ("--from", "12345", "--to", "+46701234567", "--text", "Hello")
    return subprocess.run(
        [str(ESME), "send", "--port", str(bed.daemon.smpp_port), *account, *message, *more],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_account_from_its_creation_to_its_end(page: Page) -> None:
    """Created, routed, bound, seen, without credit, topped up, suspended, resumed, deleted: all in the console."""
    bed = page.bed
    go(page, "accounts", "#accounts")
    press(page, "New account")
    fill(page, "new-account", system_id="Acme", password="s3cret", throughput="20", max_binds="3")
    send(page, "new-account")
    page.wait("#new-account .problem", lambda text: "isn't allowed here" in text)
    assert page.browser.switch_to.active_element.get_attribute("name") == "system_id"
    complaints(page.browser)  # the refused request
    fill(page, "new-account", system_id="acme", credit="0")
    page.part("#new-account [name=enable_prepaid_billing]").click()
    send(page, "new-account")
    press(page, "Close", "dialog")
    page.part("a[href='#/accounts/acme']").click()
    page.wait(".page-title", lambda text: text == "acme")
    assert page.browser.title == "acme – KSMPPD-TEST"

    go(page, "routes/acme", "#routes")
    press(page, "New route")
    fill(page, "route", regex="^[+]46(", addresses="+46701 +4712", cost="2")
    page.wait("#tried", lambda text: "missing" in text)
    fill(page, "route", regex="^[+]46")
    page.wait("#tried", lambda text: text.split("\n") == ["+46701 is taken", "+4712 isn't"])
    send(page, "route")
    page.wait("#routes table", lambda text: "^[+]46" in text)
    fill(page, "route-test", **{"from": "12345", "to": "+46701234567"})
    send(page, "route-test")
    page.wait("#test-result", lambda text: "refused" in text and "no credit" in text)

    esme = bed.connect()
    assert esme.bind("acme", "s3cret").command_status == wire.ROK
    go(page, "accounts/acme", "#binds")
    page.wait("#binds table", lambda text: "transceiver" in text and "127.0.0.1" in text)
    refused = run_esme(bed)
    assert refused.returncode != 0
    page.wait("#account-refusals", lambda text: "ESME_RSUBMITFAIL (0x45)" in text and "+46701234567" in text)

    fill(page, "change-credit", amount="10", reason="invoice <b>17")
    send(page, "change-credit")
    page.wait("#credit-now", lambda text: text == "10")
    page.wait("#credit table", lambda text: "+10" in text and "invoice <b>17" in text)
    sent = run_esme(bed)
    assert sent.returncode == 0, sent
    page.wait("#credit-now", lambda text: text == "8")
    page.wait("#account-facts", lambda text: "1 accepted" in text)

    press(page, "Suspend")
    page.part("#ask-yes").click()
    esme.wait_closed()
    page.wait(".heading .pill", lambda text: text == "suspended")
    assert run_esme(bed).returncode != 0
    press(page, "Resume")
    page.wait(".heading .pill", lambda text: text == "not bound")
    assert run_esme(bed).returncode == 0

    press(page, "Change settings")
    fill(page, "settings", throughput="7")
    send(page, "settings")
    page.wait("#account-facts", lambda text: "of 7" in text)
    press(page, "Set password")
    send(page, "set-password")
    assert len(page.part("#new-password").text) >= 8
    press(page, "Close", "dialog")

    press(page, "Delete", "#account-buttons")
    assert not page.part("#ask-yes").is_enabled()
    page.part("#ask-word").send_keys("acme")
    page.part("#ask-yes").click()
    page.wait("#accounts", lambda text: "acme" not in text)
    go(page, "audit", "#audit")
    text = page.wait("#audit table", lambda text: "delete" in text)
    assert "throughput: 20 → 7" in text
    assert "s3cret" not in text
    complaints(page.browser)  # the page may have asked for the deleted account once more


@pytest.fixture
def crowded(page: Page, api: ApiClient) -> Page:
    """Accounts, routes, binds, refusals and stored messages: something on each page."""
    bed = page.bed
    for name, more in (
        ("globex", {"throughput": 12345.5, "max_binds": 5}),
        ("initech", {"enable_prepaid_billing": True, "credit": 99.5}),
    ):
        api("POST", "/accounts", {"system_id": name, "password": "secret", **more})
        if not api("GET", f"/routes?system_id={name}").body["items"]:
            for regex in (r"^\+46", r"^\+47", r"^\+4670[0-9]{7}$"):
                api(
                    "POST",
                    "/routes",
                    {"direction": 1, "system_id": name, "regex": regex, "smsc_id": "smsc-1", "cost": 0.05},
                )
        esme = bed.connect()
        assert esme.bind(name, "secret").command_status == wire.ROK
        bed.box.policy = always(box_wire.ACK_FAILED)
        esme.submit(mt(destination_addr=b"46701234567"))
    stranger = bed.connect()
    stranger.bind("W" * 15, "x")
    return page


def test_every_page_at_every_width(crowded: Page) -> None:
    """No scrolling sideways, no broken word, enough contrast, a name for every control."""
    page = crowded
    for path in (*PAGES, "accounts/globex", "routes/globex"):
        go(page, path, "#page .card table, #page .card .empty")
        wait_until(lambda: "Loading" not in page.text("#page"), "the data", 15)
        for size in ((1440, 900), (768, 1024), (360, 780)):
            emulate(page.browser, *size, phone=size[0] == 360)
            width = page.browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= size[0], (path, size)
            assert page.browser.execute_script(BROKEN_WORDS) == [], (path, size)
        emulate(page.browser, 1440, 900, dark=True)
        assert page.browser.execute_async_script(CONTRAST.replace("}, 500)", "}, 200)")) == [], path
        emulate(page.browser, 1440, 900)
        assert page.browser.execute_script(UNNAMED) == [], path


UNNAMED = """
const controls = "button, input, select, textarea, table, section, [role=img]";
return [...document.querySelector("#page").querySelectorAll(controls)]
  .filter((each) => !(each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")
    || each.textContent.trim() || document.querySelector(`label[for="${each.id}"]`)))
  .map((each) => each.outerHTML);
"""


def test_routes_change_their_places(page: Page, api: ApiClient) -> None:
    api("POST", "/accounts", {"system_id": "hooli", "password": "secret"})
    for regex in ("^1", "^2", "^3"):
        api("POST", "/routes", {"direction": 1, "system_id": "hooli", "regex": regex})

    def order() -> list[str]:
        return [route["regex"] for route in api("GET", "/routes?system_id=hooli").body["items"]]

    go(page, "routes/hooli", "#routes input.place")
    for place, to, wanted in (
        (2, 0, ["^3", "^1", "^2"]),
        (0, 1, ["^1", "^3", "^2"]),
        (0, 2, ["^3", "^2", "^1"]),
    ):
        field = page.browser.find_elements(By.CSS_SELECTOR, "#routes input.place")[place]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(to + 1), Keys.ENTER)
        wait_until(lambda wanted=wanted: order() == wanted, lambda: f"the order, it is {order()}", 15)  # type: ignore[misc]
        page.wait("#routes tbody", lambda text, first=wanted[0]: text.find("^") == text.find(first))  # type: ignore[misc]


def test_longer_times_come_from_prometheus(page: Page) -> None:
    """The charts of the Overview and of an account show the past from Prometheus, and the last hour again."""
    page.wait("#chart-binds strong", lambda text: text == "0")
    choose(page, "overview-span", "7 days")
    page.wait("#chart-binds strong", lambda text: text == "1.50")
    page.wait("#chart-rates strong", lambda text: text == "1.50")
    assert not page.browser.find_element(By.ID, "chart-lag").is_displayed()
    choose(page, "overview-span", "1 hour")
    page.wait("#chart-binds strong", lambda text: text == "0")
    page.part("#chart-lag")


def test_a_bearerbox_is_paused_and_resumed(page: Page) -> None:
    go(page, "bearerboxes", "#bearerboxes table")
    press(page, "Pause")
    page.part("#ask-yes").click()
    page.wait("#bearerboxes .pill", lambda text: text == "paused: drains")
    press(page, "Resume")
    page.wait("#bearerboxes .pill", lambda text: text.startswith("connected"))


def test_texts_of_customers_are_text(page: Page, api: ApiClient) -> None:
    """Names, addresses, expressions and reasons that are markup: nothing of it runs."""
    bed = page.bed
    name = "<b>&quot;'"
    assert (
        api("POST", "/accounts", {"system_id": name, "password": "secret", "default_smsc": EVIL}).status
        == 201
    )
    assert (
        api("POST", "/routes", {"direction": 1, "system_id": name, "regex": EVIL, "smsc_id": EVIL}).status
        == 201
    )
    owner = "/accounts/%3Cb%3E%26quot%3B'"
    assert (
        api("POST", f"{owner}/credit", {"amount": 1, "reason": EVIL}, {"Idempotency-Key": "1"}).status == 200
    )
    esme = bed.connect()
    assert esme.bind(name, "secret").command_status == wire.ROK
    esme.submit(mt(source_addr=b"<i>s</i>", source_addr_ton=5, destination_addr=b"<u>4670</u>"))
    stranger = bed.connect()
    stranger.bind("<b>x</b>&amp;", "x")
    for path in (*PAGES, "accounts/%3Cb%3E%26quot%3B'", "routes/%3Cb%3E%26quot%3B'", ""):
        go(page, path, "#page .card" if path else "#esmes")
        if path in ("accounts", "refusals", "events", "routes", "audit"):
            page.wait("#page", lambda text: name in text)
        found = page.browser.execute_script(
            "return document.querySelectorAll('main b, main i, main u, main img').length + document.scripts.length"
        )
        assert found == 2, path
        assert "taken" not in page.browser.title


def test_a_viewer_sees_and_changes_nothing(crowded: Page) -> None:
    page = crowded
    page.part("#sign-out").click()
    fill(page, "sign-in", username="eve")
    page.sign_in("secret")
    page.wait("#user", lambda text: text == "eve (viewer)")
    complaints(page.browser)  # a poll may have been on its way when the session ended
    assert "Users" not in page.text("#pages")
    for path in ("accounts", "accounts/globex", "routes", "refusals"):
        go(page, path, "#page .card table")
        words = {button.text for button in page.browser.find_elements(By.CSS_SELECTOR, "#page button")}
        assert not words & {
            "New account",
            "New route",
            "Edit",
            "Delete",
            "Suspend",
            "Change settings",
            "Unbind",
            "Clear",
            "Change the credit",
        }


def test_a_server_that_goes(browser: Chrome, page: Page, api: ApiClient) -> None:
    """The page keeps its last state and names the trouble, and says when an account does not exist."""
    go(page, "accounts/none", "#page .banner")
    page.wait("#page .banner", lambda text: "none" in text)
    complaints(browser)  # the 404s
    go(page, "accounts", "#accounts table, #accounts .empty")
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **offline})
    page.wait("#accounts .banner", lambda text: text.startswith("The server can't be reached"))
    page.wait("#ready", lambda text: text == "no answer")
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **offline})
    page.wait("#ready", lambda text: text in ("ready", "degraded"))
    wait_until(lambda: not browser.find_elements(By.CSS_SELECTOR, "#accounts .banner"), "the end of it", 15)
    complaints(browser)
