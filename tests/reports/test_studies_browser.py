"""The list and the study page in a real Chromium: keys, and what changes while they are open."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from archive_kit import spare_port
from kit import CHROMIUM, Cluster
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
AT = "return document.activeElement.closest('tr')?.dataset.uid || ''"
UID = "1.2.826.0.1.3680043.10.998"


@dataclass
class Site:
    browser: Chrome
    url: str
    cluster: Cluster

    def open(self, path: str) -> None:
        self.browser.get(self.url + path)

    def press(self, key: str) -> str:
        """The study that has the focus afterwards."""
        self.browser.switch_to.active_element.send_keys(key)
        return str(self.browser.execute_script(AT))

    def text(self, css: str) -> str:
        return self.browser.find_element(By.CSS_SELECTOR, css).text

    def wait(self, css: str, text: str) -> None:
        replaced = [StaleElementReferenceException]
        waiting = WebDriverWait(self.browser, 10, ignored_exceptions=replaced)
        waiting.until(lambda _browser: text in self.text(css))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Cluster]]:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, Path(__file__).with_name("studies_site.py"), folder, str(spare_port())]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = json.loads(process.stdout.readline())
    yield told, Cluster(folder)
    process.terminate()
    process.wait(20)
    Cluster(folder).stop()


@pytest.fixture(scope="module")
def site(
    served: tuple[dict[str, str], Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    told, cluster = served
    options = ChromeOptions()
    for flag in (*CHROMIUM, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    browser = Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))
    made = Site(browser, told["url"], cluster)

    def answers(_browser: Chrome) -> bool:
        made.open("/static/site.css")
        return ":root" in browser.page_source

    WebDriverWait(browser, 20, ignored_exceptions=[Exception]).until(answers)
    browser.add_cookie({"name": "sessionid", "value": told["cookie"]})
    yield made
    browser.quit()


def test_keys_go_through_the_list_and_open_a_study(site: Site) -> None:
    site.open("/studies/")
    assert site.press("j") == f"{UID}.0"
    assert site.press("j") == f"{UID}.1"
    assert site.press(Keys.ARROW_DOWN) == f"{UID}.2"
    assert site.press("k") == f"{UID}.1"
    site.press("/")
    assert site.browser.switch_to.active_element.get_attribute("name") == "patient"
    site.press("j")  # in a field it is a letter
    assert site.browser.switch_to.active_element.get_attribute("value") == "j"
    site.open("/studies/")
    site.press("j")
    site.press(Keys.ENTER)
    WebDriverWait(site.browser, 10).until(lambda browser: f"{UID}.0/" in browser.current_url)


def test_a_new_study_appears_and_the_focus_stays(site: Site) -> None:
    site.open("/studies/")
    site.press("j")
    assert site.press("j") == f"{UID}.1"
    site.browser.execute_script("window.before = document.querySelector('tbody')")
    site.browser.execute_script(LOOK)
    site.browser.execute_async_script("setTimeout(arguments[0], 500)")
    same = "return window.before === document.querySelector('tbody')"
    assert site.browser.execute_script(same)  # nothing was new: nothing was touched
    site.cluster.sql(
        "reports",
        "insert into studies_study (uid, archive_id, patient_id, patient_name, patient_name_han,"
        ' sex, "when", accession, description, device, modalities, images, revision, seen_at, gone,'
        " status, search) values ('1.9.9', 'late', 'P9', 'Late^Comer', '', '', now() + interval"
        " '1 minute', '', '', 'icon', 'NM', 1, 'x', now(), false, 'unread', ' late comer')",
    )
    site.browser.execute_script(LOOK)
    site.wait("#list tbody", "Late, Comer")
    assert site.text(".many") == "61 studies"
    assert site.text("#list-news") == "The list has changed."
    assert site.browser.execute_script(AT) == f"{UID}.1"


def test_an_open_study_says_that_images_have_come(site: Site) -> None:
    site.open(f"/studies/{UID}.3/")
    site.browser.execute_script(LOOK)
    site.browser.execute_async_script("setTimeout(arguments[0], 500)")
    news = site.browser.find_element(By.ID, "study-news")
    assert not news.is_displayed()
    change = "update studies_study set revision = 'two', images = images + 3 where uid like '%.3'"
    site.cluster.sql("reports", change)
    site.browser.execute_script(LOOK)
    site.wait("#study-news", "3 new images")
    news.find_element(By.TAG_NAME, "a").click()
    WebDriverWait(site.browser, 10).until(
        lambda browser: not browser.find_element(By.ID, "study-news").is_displayed()
    )
