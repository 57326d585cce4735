"""A Chromium that does what it is told, line by line. It runs in the tree of lab/reporting.py.

Each line of standard input is a verb and its words, as JSON; each is answered by a line: what was
said, or what kept it from being done. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from kit import CHROMIUM

SECONDS = 15
"""For what a page shows in a moment."""
FLAGS = (
    *CHROMIUM,
    "--accept-lang=en",
    "--user-data-dir=/tmp/chromium",
)


class Driver:
    """The verbs."""

    def __init__(self) -> None:
        options = ChromeOptions()
        for flag in FLAGS:
            options.add_argument(flag)
        self._browser = Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))
        screen = {"width": 1200, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def open(self, url: str, seconds: float = SECONDS) -> str:
        """Go to a page; what kept it from coming, or nothing."""
        self._browser.set_page_load_timeout(seconds)
        try:
            self._browser.get(url)
        except TimeoutException:
            return "silent"
        except WebDriverException as error:
            return f"{type(error).__name__}: {error.msg}"
        return ""

    def text(self, css: str, wanted: str = "") -> str:
        """An element's text, once that is in it."""
        return self._until(lambda: (said := self._find(css).text, wanted in said))

    def count(self, css: str) -> int:
        """How many there are of it."""
        return len(self._browser.find_elements(By.CSS_SELECTOR, css))

    def write(self, css: str, words: str) -> None:
        """Type into a field, in the place of what is there."""
        self._until(lambda: ((field := self._find(css)).clear(), field.send_keys(words), True))

    def choose(self, css: str, value: str) -> None:
        """Take one of a list."""
        self._until(lambda: (Select(self._find(css)).select_by_value(value), True))

    def click(self, css: str) -> None:
        """Click on it as soon as that can be done."""
        self._until(lambda: (self._find(css).click(), True))

    def ask(self, script: str, *words: Any) -> Any:
        """What a script of ours finds in the page."""
        return self._browser.execute_script(script, *words)

    def holds(self, script: str) -> Any:
        """The same, once it is something."""
        return self._until(lambda: (found := self.ask(script), bool(found)))

    def shot(self, css: str) -> str:
        """A picture of what is seen, from that element on: base 64."""
        self.ask("document.querySelector(arguments[0]).scrollIntoView()", css)
        return self._browser.get_screenshot_as_base64()

    def end(self) -> None:
        """Leave nothing running."""
        self._browser.quit()

    def _find(self, css: str) -> WebElement:
        return self._browser.find_element(By.CSS_SELECTOR, css)

    def _until(self, ask: Callable[[], tuple[Any, ...]]) -> Any:
        seen: Any = None

        def holds(_browser: Chrome) -> bool:
            nonlocal seen
            seen, *_, fits = ask()
            return bool(fits)

        ignored = (WebDriverException,)
        try:
            WebDriverWait(self._browser, SECONDS, 0.1, ignored).until(holds)
        except TimeoutException:
            page = self._find("body").text
            raise AssertionError(
                f"{self._browser.current_url}: found {seen!r} on:\n{page}"
            ) from None
        return seen


def main() -> None:
    driver = Driver()
    try:
        for line in sys.stdin:
            verb, *words = json.loads(line)
            try:
                said = {"said": getattr(driver, verb)(*words)}
            except (AssertionError, WebDriverException) as error:
                said = {"wrong": f"{verb} {words}: {error}"}
            print(json.dumps(said), flush=True)
    finally:
        driver.end()


if __name__ == "__main__":
    main()
