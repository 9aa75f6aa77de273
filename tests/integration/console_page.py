"""The console in a browser, as tests use it: signing in, waiting for texts and rows, and what every page must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.integration.bed import Bed
from tests.parts.chromium import complaints, emulate
from tests.parts.daemon import PASSWORD
from tests.parts.waiting import wait_until

PHONE = (390, 844)
HASTE = """
const [later, limit] = [window.setTimeout, AbortSignal.timeout];
const slow = [2000, 3000, 4000, 10000];
window.setTimeout = (call, wait, ...values) => later(call, slow.includes(wait) ? 250 : wait, ...values);
AbortSignal.timeout = (wait) => limit.call(AbortSignal, wait / 4);
"""
"""Pages poll every 0.25 s instead of every 2 to 10 s, and waits 2.5 s for an answer instead of 10 s."""


class Page:
    """The dashboard of one bed."""

    def __init__(self, browser: Chrome, bed: Bed) -> None:
        self.browser = browser
        self.bed = bed
        emulate(browser, 1280, 900)
        browser.get("about:blank")
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        complaints(browser)  # what was said about a daemon that has ended
        browser.get(f"http://127.0.0.1:{bed.daemon.config.admin_port}/")

    def part(self, selector: str) -> WebElement:
        """The element, once it is there and visible."""

        def visible() -> WebElement | None:
            found = self.browser.find_elements(By.CSS_SELECTOR, selector)
            try:
                return found[0] if found and found[0].is_displayed() else None
            except StaleElementReferenceException:
                return None

        found = wait_until(visible, lambda: f"{selector} to be visible\n{self.text()}")
        assert found is not None
        return found

    def text(self, selector: str = "body") -> str:
        """Return the visible text."""
        return str(self.browser.find_element(By.CSS_SELECTOR, selector).text)

    def sign_in(self, password: str = PASSWORD) -> Page:
        field = self.part("#password")
        field.clear()
        field.send_keys(password, Keys.ENTER)
        return self

    def wait(self, selector: str, fits: Callable[[str], bool], timeout: float = 15.0) -> str:
        """Wait until the text of an element fits; returns it."""

        def look() -> str | None:
            try:
                text = self.text(selector)
            except (NoSuchElementException, StaleElementReferenceException):
                return None
            return text if fits(text) else None

        found = wait_until(look, lambda: f"{selector}: {self.text()}", timeout)
        assert found is not None
        return found

    def row(self, table: str, key: str) -> dict[str, str]:
        """The cells of a row by column, {} when there is no such row."""
        cells: dict[str, str] = self.browser.execute_script(
            "const row = [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
            ".find((row) => row.dataset.key === arguments[1]);"
            "return Object.fromEntries([...(row?.cells ?? [])].map((cell) => [cell.dataset.name, cell.textContent]));",
            f"#{table}",
            key,
        )
        return cells

    def wait_row(self, table: str, key: str, fits: Callable[[dict[str, str]], Any]) -> dict[str, str]:
        """Wait until a row is there and fits."""

        def look() -> dict[str, str] | None:
            cells = self.row(table, key)
            return cells if cells and fits(cells) else None

        found = wait_until(look, lambda: f"row {key} of {table}, it is {self.row(table, key)}", 15)
        assert found is not None
        return found

    def press(self, label: str) -> None:
        """Press the button with this accessible name."""
        self.part(f'button[aria-label="{label}"]').click()


def opened(browser: Chrome, bed: Bed) -> Iterator[Page]:
    """A page that is signed in; at the end nothing may be on the console."""
    page = Page(browser, bed).sign_in()
    page.part("#esmes")
    yield page
    browser.get("about:blank")
    found = complaints(browser)
    assert found == [], found


BROKEN_WORDS = """
const walker = document.createTreeWalker(document.querySelector("#console"), NodeFilter.SHOW_TEXT);
const broken = [];
while (walker.nextNode()) {
  const text = walker.currentNode;
  for (const word of text.data.matchAll(/[^\\s\\-\u2013]+/g)) {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
    if (lines.size > 1) broken.push(word[0]);
  }
}
return broken;
"""
CONTRAST = """
const done = arguments[0];
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(color) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
}
function light([red, green, blue]) {
  const [r, g, b] = [red, green, blue]
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ground(element) {
  for (let each = element; each; each = each.parentElement) {
    const color = rgb(getComputedStyle(each).backgroundColor);
    if (color[3] === 255) return color;
  }
  return [255, 255, 255, 255];
}
setTimeout(() => {
  const poor = [];
  for (const element of document.querySelectorAll("#console *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("[hidden]") || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(element.closest("svg") ? style.fill : style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const words = element.textContent.trim().slice(0, 30);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.className} ${words} ${ratio.toFixed(2)}`);
  }
  done(poor);
}, 500);
"""
