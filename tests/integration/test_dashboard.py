"""The dashboard in a real browser, in front of a real daemon."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from functools import partial

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from ksmppd_py.admin.listing import MOST_BINDS
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import always
from tests.fakes.esme import Esme
from tests.integration.bed import BOX_ID, Bed, Customer, StartBed, mt
from tests.integration.console_page import BROKEN_WORDS, CONTRAST, PHONE, Page, opened
from tests.parts.chromium import complaints, emulate
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def page(browser: Chrome, sqlite_bed: Bed) -> Iterator[Page]:
    """A page of the module's daemon, which knows accounts of other tests too."""
    yield from opened(browser, sqlite_bed)


@pytest.fixture
def own_page(browser: Chrome, start_bed: StartBed) -> Iterator[Page]:
    """A page of a daemon of this test alone."""
    yield from opened(browser, start_bed())


def bind_key(page: Page, customer: Customer) -> str:
    """The key of the row of the customer's only bind."""

    def look() -> str | None:
        keys: list[str] = page.browser.execute_script(
            "return [...document.querySelectorAll('#esmes tr.bind')].map((row) => row.dataset.key)"
        )
        mine = [key for key in keys if key.startswith(f"{customer.system_id}/")]
        return mine[0] if mine else None

    key = wait_until(look, "the bind to appear", 15)
    assert key is not None
    return key


def test_a_fresh_server(own_page: Page) -> None:
    """Nothing, then a bind, accounts in any order, and many binds: each step counts on the former ones."""
    a_bind_appears_and_its_message_is_counted(own_page)
    accounts_sort_by_their_columns(own_page)
    many_binds_are_folded_and_accounts_are_found(own_page)


def a_bind_appears_and_its_message_is_counted(page: Page) -> None:
    assert "No bind since" in page.text("#esmes")
    customer = page.bed.customer()
    esme = page.bed.esme(customer)
    cells = page.wait_row("esmes", bind_key(page, customer), lambda cells: True)
    assert (cells["Binds"], cells["From"], cells["MT"]) == ("transceiver", "127.0.0.1", "0")
    assert esme.submit(mt()).command_status == wire.ROK
    page.wait_row("esmes", f"{customer.system_id}/", lambda cells: cells["MT"] == "1")
    page.wait_row("esmes", bind_key(page, customer), lambda cells: cells["MT"] == "1")
    page.wait("#tile-binds", lambda text: text == "1")
    page.wait("#tile-submits-more", lambda text: text == "1 accepted")
    page.wait("#tile-submits", lambda text: text not in ("–", "0/s"))
    page.part("#chart-rates canvas")
    esme.close()
    page.wait_row("esmes", f"{customer.system_id}/", lambda cells: cells["Binds"] == "0")


def test_a_report_is_counted(page: Page) -> None:
    customer = page.bed.customer()
    esme = page.bed.esme(customer)
    esme.submit(mt(registered_delivery=1))
    report = page.bed.box.send_dlr(page.bed.box.wait_for_sms()[0])
    assert page.bed.box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS
    page.wait_row("esmes", f"{customer.system_id}/", lambda cells: cells["Reports"] == "1")


def test_a_server_in_trouble(browser: Chrome, start_bed: StartBed) -> None:
    """Refusals and a blocked address, a bearerbox that is away, silence and a restart, one after the other."""
    bed = start_bed(
        ksmppd={"ip-blocklist-exempt-ips": "10.9.9.9", "ip-blocklist-attempts": 2},
        others=[("bearerbox-connection", {"id": "spare", "host": "127.0.0.1", "port": free_port()})],
    )
    page = Page(browser, bed).sign_in()
    page.part("#esmes")
    refusals_and_blocked_addresses(page)
    a_bearerbox_that_was_never_up(page)
    assert complaints(browser) == []
    a_server_that_is_silent_and_one_that_restarts(page)
    complaints(browser)  # an answer that didn't come may be on the console


def a_bearerbox_that_was_never_up(page: Page) -> None:
    """Its state is "never connected", and it shades no plot: the hour isn't a bad one for the others."""
    bed = page.bed
    key = next(
        name
        for name in wait_until(lambda: keys(page, "boxes"), "the bearerboxes", 15) or []
        if "spare" in name
    )
    page.wait_row("boxes", key, lambda cells: cells["State"] == "never connected")
    page.wait("#troubles", lambda text: text == f"Degraded: {key} is not connected.")
    page.wait("#chart-queues .legend", lambda text: "\u2013" not in text)  # there are points
    assert not page.browser.find_element(By.CSS_SELECTOR, "#chart-queues .shaded").is_displayed()
    other = f"{BOX_ID}@127.0.0.1:{bed.box.port}"
    page.wait_row("boxes", other, lambda cells: cells["State"].startswith("connected"))
    assert page.text("#tile-boxes") == "1/2"
    bed.box_away()
    page.wait_row("boxes", other, lambda cells: cells["State"].startswith("disconnected"))
    page.wait("#tile-boxes", lambda text: text == "0/2")
    page.part("#chart-queues .shaded")
    bed.box.start()


def keys(page: Page, table: str) -> list[str]:
    """The keys of a table's rows, in order."""
    found: list[str] = page.browser.execute_script(
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) => row.dataset.key)",
        f"#{table}",
    )
    return found


def accounts_sort_by_their_columns(page: Page) -> None:
    customers = [page.bed.customer() for _ in range(3)]
    for customer, count in zip(customers, (2, 5, 1), strict=True):
        esme = page.bed.esme(customer, "transmitter")
        for _ in range(count):
            assert esme.submit(mt()).command_status == wire.ROK
    names = [customer.system_id for customer in customers]

    def wait_order(wanted: list[str]) -> None:
        wait_until(
            lambda: (
                [key[:-1] for key in keys(page, "esmes") if key.endswith("/") and key[:-1] in names] == wanted
            ),
            lambda: f"{wanted}, it is {keys(page, 'esmes')}",
            15,
        )

    wait_order(sorted(names))
    page.part("#esmes button.sorter[title='Sort by MT']").click()
    wait_order([names[1], names[0], names[2]])
    head = page.part("#esmes th[aria-sort]")
    assert (head.text, head.get_attribute("aria-sort")) == ("MT", "descending")
    page.part("#esmes button.sorter[title='Sort by MT']").send_keys(Keys.ENTER)
    wait_order([names[2], names[0], names[1]])
    emulate(page.browser, *PHONE, phone=True)  # where there are no heads
    page.part("#sort").send_keys("Sort by Account")
    wait_order(sorted(names))
    emulate(page.browser, 1280, 900)


def test_the_age_of_the_queue_is_told(page: Page) -> None:
    customer = page.bed.customer()
    esme = page.bed.esme(customer)
    page.bed.box_away()
    assert esme.submit(mt()).command_status == wire.ROK
    page.bed.wait_rows(customer, 1)
    page.bed.daemon.database.execute("UPDATE smpp_store SET time = time - 7300")
    wait_until(lambda: customer.system_id in page.bed.daemon.admin("/queue-status").body, "it is counted", 15)
    page.wait("#tile-queue-more", lambda text: text == "oldest 2 h 1 min")
    page.wait("#queues-note", lambda text: text.startswith("counted "))
    page.bed.box_back()


def test_an_unbind_pressed_in_the_page_reaches_the_esme(page: Page) -> None:
    customer = page.bed.customer()
    esme, other = page.bed.esme(customer), page.bed.esme(customer, "receiver")
    number = bind_key(page, customer).partition("/")[2]
    page.press(f"Unbind bind {number} of {customer.system_id}")
    assert "Unbind bind" in page.text("#ask")
    page.part("#ask button[value=no]").click()
    page.press(f"Unbind bind {number} of {customer.system_id}")
    page.part("#ask-yes").click()
    esme.wait_request(wire.UNBIND)
    esme.wait_closed()
    assert not other.closed
    page.wait("#notice", lambda text: text == "1 binds disconnected")
    page.wait_row("esmes", f"{customer.system_id}/", lambda cells: cells["Binds"] == "1")


def test_unbind_all_by_keyboard(page: Page) -> None:
    customer = page.bed.customer()
    esmes = [page.bed.esme(customer) for _ in range(2)]
    button = page.part(f'button[aria-label="Unbind all 2 binds of {customer.system_id}"]')
    page.browser.execute_script("arguments[0].focus()", button)
    button.send_keys(Keys.ENTER)
    page.part("#ask-yes")
    page.browser.switch_to.active_element.send_keys(Keys.TAB)
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    for esme in esmes:
        esme.wait_closed()


def refusals_and_blocked_addresses(page: Page) -> None:
    bed = page.bed
    customer = bed.customer()
    for _ in range(2):
        with Esme(bed.daemon.smpp_port) as esme:
            assert esme.bind(customer.system_id, "wrong").command_status == wire.RBINDFAIL
            esme.wait_closed()
    cells = page.wait_row("blocked", "127.0.0.1", lambda cells: True)
    assert cells["Failed binds"] == "2"
    page.wait("#refusals", lambda text: "wrong system_id or password" in text and customer.system_id in text)
    page.press("Clear the block of 127.0.0.1")
    page.wait("#blocked", lambda text: "No address is blocked" in text)
    bed.esme(customer)


def many_binds_are_folded_and_accounts_are_found(page: Page) -> None:
    """The page stays short and the poll small; the tiles count everything."""
    page.bed.close()
    page.wait("#tile-binds", lambda text: text == "0")
    first, second = page.bed.customer(), page.bed.customer()
    sockets = [bound_socket(page, customer) for customer in (first, second) for _ in range(MOST_BINDS // 2)]
    esme = page.bed.esme(second)
    assert esme.submit(mt()).command_status == wire.ROK
    page.wait("#tile-binds", lambda text: text == f"{MOST_BINDS + 1}")
    page.wait_row("esmes", f"{first.system_id}/", lambda cells: cells["Binds"] == f"{MOST_BINDS // 2}")
    binds = partial(page.browser.find_elements, By.CSS_SELECTOR, "#esmes tr.bind")
    wait_until(lambda: not binds(), "the fold", 15)

    label = f"Binds of {first.system_id}"
    page.press(label)
    bind_key(page, first)
    active = page.browser.switch_to.active_element
    assert (active.get_attribute("aria-label"), active.get_attribute("aria-expanded")) == (label, "true")
    page.press(label)
    wait_until(lambda: not binds(), "the fold", 15)

    page.part("#find").send_keys(first.system_id.upper())
    bind_key(page, first)
    assert page.row("esmes", f"{second.system_id}/") == {}
    assert page.browser.find_elements(By.CSS_SELECTOR, "#esmes button.fold") == []
    assert page.text("#tile-submits-more") == "10 accepted"
    page.part("#find").send_keys("x")
    page.wait("#esmes", lambda text: text == "No account matches.")
    for each in sockets:
        each.close()


def bound_socket(page: Page, customer: Customer) -> socket.socket:
    """A bind that says nothing more."""
    connected = socket.create_connection(("127.0.0.1", page.bed.daemon.smpp_port), 10)
    bind = wire.pack_bind(customer.system_id, customer.password, 0x34)
    connected.sendall(wire.pack(wire.BIND_TRANSMITTER, 0, 1, bind))
    assert connected.recv(1024)[8:12] == b"\0\0\0\0"
    return connected


def a_server_that_is_silent_and_one_that_restarts(page: Page) -> None:
    bed = page.bed
    page.wait("#ready", lambda text: text == "degraded")
    page.wait("#updated", lambda text: text.startswith("Last update "))
    bed.daemon.process.signal(signal.SIGSTOP)
    try:
        page.wait("#stale", lambda text: text.startswith("The server doesn't answer. Last update "), 30)
        assert page.text("#ready") == "no answer"
    finally:
        bed.daemon.process.signal(signal.SIGCONT)
    page.wait("#ready", lambda text: text == "degraded", 30)
    assert not page.browser.find_element(By.ID, "stale").is_displayed()
    bed.daemon.restart()  # the session survives it
    customer = bed.customer()
    bed.esme(customer)
    page.wait("#esmes", lambda text: customer.system_id in text, 30)


def test_names_are_text_not_markup(page: Page) -> None:
    esme = page.bed.connect()
    esme.bind("<b>x</b>&amp;", "x")
    page.wait("#refusals", lambda text: "<b>x</b>&amp;" in text)


def test_server_buttons(page: Page) -> None:
    page.part("#rebuild-routes").click()
    page.wait("#notice", lambda text: re.fullmatch(r"Routes updated: \d+ rows read, \d+ skipped", text))
    page.part("#log-level").send_keys("3")
    page.part("#log-level-form button").click()
    page.wait("#notice", lambda text: text == "Log level set to 3")
    page.browser.refresh()
    page.part("#esmes")
    wait_until(
        lambda: page.part("#log-level").get_property("value") == "3", "the present level to be chosen", 15
    )


def test_what_waits_is_shown(page: Page) -> None:
    customer = page.bed.customer()
    esme = page.bed.esme(customer)
    page.bed.box_away()
    assert esme.submit(mt()).command_status == wire.ROK
    page.bed.wait_rows(customer, 1)
    answer = wait_until(
        lambda: (a := page.bed.daemon.admin("/queue-status.json")) and customer.system_id in a.body and a,
        "the stored message in /queue-status",
        15,
    )
    assert answer.headers["content-type"] == "application/json"
    cells = page.wait_row("queues", f"{customer.system_id}/mt", lambda cells: True)
    assert (cells["Queue"], cells["Messages"]) == ("to bearerbox", "1")
    page.bed.box_back()


class TestSigningIn:
    def test_wrong_password(self, browser: Chrome, sqlite_bed: Bed) -> None:
        page = Page(browser, sqlite_bed)
        assert not page.browser.find_element(By.ID, "console").is_displayed()
        page.sign_in("wrong")
        page.wait("#sign-in-problem", lambda text: text == "Wrong password")
        page.sign_in().part("#esmes")
        assert all("403" in line for line in complaints(browser))

    def test_the_password_is_asked_once(self, page: Page) -> None:
        page.browser.refresh()
        page.part("#esmes")
        [cookie] = page.browser.get_cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        stored = page.browser.execute_script(
            "return document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
        )
        assert stored == "{}{}"

    def test_signing_out(self, page: Page) -> None:
        page.part("#sign-out").click()
        page.part("#password")
        page.browser.refresh()
        page.part("#password")
        assert not page.browser.find_element(By.ID, "console").is_displayed()
        complaints(page.browser)  # a poll may have been on its way when the session ended


class TestViewports:
    def test_nothing_scrolls_sideways(self, page: Page) -> None:
        customer = page.bed.customer(throughput=12345.5, max_binds=5)
        page.bed.esme(customer)
        with Esme(page.bed.daemon.smpp_port) as stranger:
            stranger.bind("W" * 15, "x")
        bind_key(page, customer)
        page.wait("#refusals", lambda text: "W" * 15 in text)
        for size in (PHONE, (320, 640), (360, 780), (768, 1024), (1024, 768), (1440, 900), (1600, 1000)):
            emulate(page.browser, *size, phone=size == PHONE)
            width = page.browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= size[0], size
            for selector in ("#sign-out", "#rebuild-routes", "#esmes td button"):
                box = page.browser.find_element(By.CSS_SELECTOR, selector).rect
                assert box["x"] >= 0, (size, selector)
                assert box["x"] + box["width"] <= size[0], (size, selector)

    def test_no_word_breaks(self, page: Page) -> None:
        customer = page.bed.customer(throughput=12345.5, max_binds=5, enable_prepaid_billing=1)
        esme = page.bed.esme(customer)
        assert esme.submit(mt()).command_status == wire.ROK
        page.bed.box.policy = always(box_wire.ACK_FAILED)
        for _ in range(11):
            assert esme.submit(mt()).command_status == wire.RSUBMITFAIL
        with Esme(page.bed.daemon.smpp_port) as stranger:
            stranger.bind("stranger", "x")
        page.wait("#refusals", lambda text: "ESME_RSUBMITFAIL" in text and "stranger" in text)
        page.wait("#ready", lambda text: text == "degraded")
        for size in (
            PHONE,
            (360, 780),
            (640, 800),
            (768, 1024),
            (900, 900),
            (901, 900),
            (1024, 768),
            (1440, 900),
        ):
            emulate(page.browser, *size, phone=size == PHONE)
            assert page.browser.execute_script(BROKEN_WORDS) == [], size

    def test_signing_in_on_a_phone(self, browser: Chrome, sqlite_bed: Bed) -> None:
        page = Page(browser, sqlite_bed)
        emulate(browser, *PHONE, phone=True)
        page.sign_in().part("#esmes")
        assert complaints(browser) == []

    @pytest.mark.parametrize("dark", [False, True])
    def test_text_can_be_read(self, page: Page, dark: bool) -> None:
        """Contrast of all that is small: at least 4.5 to 1 (WCAG 2.1, 1.4.3)."""
        page.bed.esme(page.bed.customer())
        emulate(page.browser, 1280, 900, dark=dark)
        page.part("#esmes td button")
        poor: list[str] = page.browser.execute_async_script(CONTRAST)
        assert poor == []


class TestAccessibility:
    def test_everything_has_a_name(self, page: Page) -> None:
        page.bed.esme(page.bed.customer())
        page.part("#esmes td button")
        unnamed: list[str] = page.browser.execute_script(
            "return [...document.querySelectorAll('button, input:not([hidden]), select, svg, table, section')]"
            ".filter((each) => !(each.getAttribute('aria-label') || each.getAttribute('aria-labelledby')"
            " || each.textContent.trim() || document.querySelector(`label[for='${each.id}']`)))"
            ".map((each) => each.outerHTML)"
        )
        assert unnamed == []
        [title] = page.browser.find_elements(By.CSS_SELECTOR, "#console h1")
        assert title.text == "KSMPPD-TEST"

    def test_tab_reaches_every_control(self, page: Page) -> None:
        page.browser.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
        reached: set[str | None] = set()
        wanted = {"sign-out", "rebuild-routes", "log-level"}
        for _ in range(150):
            page.browser.switch_to.active_element.send_keys(Keys.TAB)
            active = page.browser.switch_to.active_element
            reached.add(active.get_attribute("id") or active.get_attribute("class") or active.text)
            if wanted <= reached:
                break
        assert wanted <= reached

    def test_charts_tell_their_values_by_arrow_keys(self, page: Page) -> None:
        chart = page.part("#chart-binds .plot")
        page.wait("#chart-binds .legend", lambda text: "–" not in text)
        page.browser.execute_script("arguments[0].focus()", chart)
        chart.send_keys(Keys.ARROW_LEFT)
        label = page.part("#chart-binds .plot").get_attribute("aria-label")
        assert label is not None
        assert label.startswith("Live binds. at ")
