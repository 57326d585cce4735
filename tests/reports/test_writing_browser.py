"""The editor in a real browser: it saves by itself, and loses nothing.

With a PostgreSQL and a server of its own, as what it writes stays written.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Cluster, configure
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from writing_kit import PASSWORD, Orthanc, a_port

HERE = Path(__file__).parent
SHOTS = os.environ.get("REPORT_SHOTS", "")
SEED = """
import django; django.setup()
from django.conf import settings
settings.ROOT_URLCONF = "standin"
import standin
from django.core.management import call_command
call_command("prepare", verbosity=0)
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
import writing_kit as kit
from reports import archive
from reports.studies.models import Image
study = kit.a_study()
image = Image.objects.get()
stored = archive.reader().post("/instances", kit.file_of(kit.body(image)))
image.archive_id, study.archive_id = stored["ID"], stored["ParentStudy"]
image.save()
study.save()
print(study.uid)
for name in ("chen", "wu"):
    who = kit.person(name)
    store = SessionStore()
    store[SESSION_KEY] = str(who.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = who.get_session_auth_hash()
    store.save()
    print(store.session_key)
"""


SEND = """
import django; django.setup()
import standin
from django.core.management import call_command
call_command("send", "--once")
"""


class Site:
    """The site on a port of loopback, which can go away and come back."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url, self._folder, self._port = f"http://127.0.0.1:{port}", folder, port
        self._env = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parent.parent}"}
        self._running: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            env=self._env,
            capture_output=True,
            text=True,
            cwd=HERE.parent.parent,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        words = ["-m", "gunicorn", "-b", f"127.0.0.1:{self._port}", "--threads", "4"]
        log = (self._folder / "server.log").open("ab")
        self._running = subprocess.Popen(
            [sys.executable, *words, "standin_wsgi"],
            env=self._env,
            stdout=log,
            stderr=log,
            cwd=HERE.parent.parent,
        )
        for _ in range(200):
            with socket.socket() as wire:
                if wire.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError((self._folder / "server.log").read_text())

    def stop(self) -> None:
        if self._running:
            self._running.terminate()
            self._running.wait(20)
            self._running = None


class Seat:
    """A browser in which somebody is logged in."""

    def __init__(self, site: Site, session: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        for word in (
            "headless=new",
            "no-sandbox",
            "disable-gpu",
            "disable-quic",
            "no-first-run",
            "disable-background-networking",
            "disable-component-update",
            "disable-sync",
            "disable-dev-shm-usage",
            f"user-data-dir={self._profile}",
            "window-size=1100,1500",
        ):
            options.add_argument(f"--{word}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(options=options, service=service)
        self.site = site
        self.driver.get(f"{site.url}/nothing")
        self.driver.add_cookie({"name": "sessionid", "value": session})

    def go(self, path: str) -> None:
        self.driver.get(self.site.url + path)

    def one(self, selector: str) -> WebElement:
        return self.until(lambda: self.driver.find_element(By.CSS_SELECTOR, selector))

    def until(self, ask: Callable[[], WebElement]) -> WebElement:
        return WebDriverWait(self.driver, 15, ignored_exceptions=(WebDriverException,)).until(
            lambda _: ask()
        )

    def state(self, text: str) -> None:
        WebDriverWait(self.driver, 20).until(
            lambda _: text in self.one(".editor .saving").text, f"not: {text}"
        )

    def field(self, name: str) -> WebElement:
        return self.one(f"textarea[name={name}]")

    def value(self, name: str) -> str:
        return self.field(name).get_attribute("value") or ""

    def said(self, selector: str, wanted: str) -> str:
        """An element's text, once it has that in it."""
        WebDriverWait(self.driver, 15, ignored_exceptions=(WebDriverException,)).until(
            lambda _: wanted in self.one(selector).text, f"{selector}: not {wanted}"
        )
        return self.one(selector).text

    def revision(self) -> int:
        """What the server has of the draft in this page."""
        script = """return fetch(document.querySelector("form.editor").dataset.state)
            .then((answer) => answer.json()).then((told) => told.revision)"""
        return int(self.ask(script))

    def ask(self, script: str, *words: str) -> Any:
        return self.driver.execute_script(script, *words)  # type: ignore[no-untyped-call]

    def text(self) -> str:
        return self.one("main").text

    def shot(self, name: str) -> None:
        if SHOTS:
            height = self.ask("return document.documentElement.scrollHeight")
            self.driver.set_window_size(1100, min(max(int(height) + 140, 700), 4000))
            for scheme in ("light", "dark"):
                told = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", told)  # type: ignore[no-untyped-call]
                self.driver.save_screenshot(f"{SHOTS}/{name}-{scheme}.png")

    def errors(self) -> list[str]:
        """What the page's scripts or the browser complained of, but for the server that was off."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        told = [each["message"] for each in log if self.site.url in each["message"]]
        # The server that was off, the refused saves.
        quiet = ("ERR_CONNECTION", "favicon", "409 (Conflict)", "/nothing", "403 (")
        return [text for text in told if not any(word in text for word in quiet)]


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Site, str, list[str]]]:
    """The server, the study, and the sessions of two reporters."""
    folder = Path(tempfile.mkdtemp(prefix="browser-"))
    before = os.environ["GATEWAY_REPORTS"]
    cluster = Cluster(folder)
    cluster.start()
    orthanc = Orthanc(folder)
    orthanc.start()
    port, login = a_port(), str(orthanc.login)
    origin = f"http://127.0.0.1:{port}"
    configure(folder, origin=origin, archive=login, archive_store=login)
    site = Site(folder, port)
    os.environ["GATEWAY_REPORTS"] = before
    study, *sessions = site.run("-c", SEED).split()
    site.start()
    yield site, study, sessions
    site.stop()
    orthanc.stop()
    cluster.stop()


@pytest.fixture
def seats(stage: tuple[Site, str, list[str]]) -> Iterator[list[Seat]]:
    site, _study, sessions = stage
    made = [Seat(site, session) for session in sessions]
    yield made
    for seat in made:
        seat.driver.quit()


PICK = """window.dispatchEvent(new CustomEvent("key-image", {detail: {image: arguments[0] + ".1.1",
frame: 2, low: 0, high: 400, palette: "hot-iron", note: ""}}))"""


def writes(chen: Seat, page: str, uid: str) -> None:
    """It saves by itself a moment after the last key, and at once when a field is left."""
    chen.go(page)
    chen.one("form.begin button").click()
    chen.field("findings").send_keys("Focal uptake in L3. 第三腰椎")
    chen.state("Not saved yet")
    chen.state("Saved at")
    types_on = """const field = document.querySelector("textarea[name=technique]");
        window.typing = setInterval(() => { field.value += "a";
            field.dispatchEvent(new Event("input", {bubbles: true})); }, 200)"""
    chen.ask(types_on)
    time.sleep(1)
    assert chen.revision() == 1, "somebody types on and on"
    WebDriverWait(chen.driver, 12).until(lambda _: chen.revision() > 1)
    chen.ask("clearInterval(window.typing)")
    chen.field("technique").clear()
    chen.one("button.normal[data-for=comparison]").click()
    assert "No earlier bone scan" in chen.value("comparison")
    chen.ask(PICK, uid)
    note = chen.one(".images li input")
    note.send_keys("Anterior")
    note.send_keys(Keys.TAB)
    chen.state("Saved at")
    chen.go(page)
    assert chen.value("findings") == "Focal uptake in L3. 第三腰椎"
    assert chen.one(".images li input").get_attribute("value") == "Anterior"
    chen.shot("editor")


def loses_the_connection(chen: Seat, site: Site) -> None:
    """Nothing is lost, it is said, and nothing is put into the browser's storage."""
    site.stop()
    chen.field("impression").send_keys("Single lesion in L3.")
    chen.one("button.save").click()
    chen.state("no connection")
    chen.shot("editor-no-connection")
    assert chen.ask("return localStorage.length + sessionStorage.length") == 0
    asked = """const event = new Event("beforeunload", {cancelable: true});
        window.dispatchEvent(event); return event.defaultPrevented"""
    assert chen.ask(asked), "leaving the page asks first"
    site.start()
    chen.state("Saved at")
    assert not chen.ask(asked)


def is_logged_out(chen: Seat) -> None:
    """He logs in again elsewhere, with a token that this page does not know; it then saves."""
    session = chen.driver.get_cookie("sessionid")
    assert session
    chen.driver.delete_cookie("sessionid")
    chen.driver.delete_cookie("csrftoken")
    chen.field("indication").send_keys("Back pain.")
    chen.one("button.save").click()
    chen.state("you are logged out")
    chen.driver.add_cookie(session)
    chen.state("Saved at")


def is_taken_over(chen: Seat, wu: Seat, page: str) -> None:
    """The second reads, and takes over by saying so; the first keeps his text before him."""
    wu.go(page)
    assert "Chen has been writing this since" in wu.text()
    assert not wu.driver.find_elements(By.CSS_SELECTOR, "textarea")
    wu.shot("second-reporter")
    wu.one(".other button").click()
    wu.field("technique").send_keys("740 MBq.")
    wu.state("Saved at")
    chen.field("findings").send_keys(" And L4?")
    chen.field("findings").send_keys(Keys.TAB)
    assert "Wu" in chen.said(".conflict .why", "Wu")
    assert "And L4?" in chen.one(".conflict").text
    assert chen.value("findings").endswith("And L4?")
    assert not chen.one("button.keep-mine").is_displayed()
    chen.shot("conflict")
    chen.one("button.keep-kept").click()
    chen.one(".other button").click()
    assert chen.value("technique") == "740 MBq."


def has_two_windows(chen: Seat, page: str) -> None:
    """Both texts, and a choice."""
    first = chen.driver.current_window_handle
    chen.driver.switch_to.new_window("tab")
    chen.go(page)
    chen.field("recommendation").send_keys("MRI of the lumbar spine.")
    chen.state("Saved at")
    chen.driver.close()
    chen.driver.switch_to.window(first)
    chen.field("findings").send_keys(" Degenerative change in L5.")
    chen.field("findings").send_keys(Keys.TAB)
    assert "MRI of the lumbar spine." in chen.said(".conflict tbody", "MRI")
    assert "Degenerative change in L5." in chen.one(".conflict tbody").text
    chen.one("button.keep-kept").click()
    assert chen.value("recommendation") == "MRI of the lumbar spine."
    chen.field("findings").send_keys(" Still here.")


def signs(chen: Seat) -> None:
    """What was typed a moment ago is saved first, and is what is read and signed."""
    chen.one("a.sign").click()
    said = chen.said("#what", "L3")
    assert "MRI of the lumbar spine." in said
    assert "Still here." in said
    chen.shot("sign")
    chen.one("#password").send_keys("not it")
    chen.one("form.sign button").click()
    assert "nothing was signed" in chen.said("[role=alert]", "signed")
    chen.one("#password").send_keys(PASSWORD, Keys.ENTER)
    chen.one(".versions .standing.final")


def adds(chen: Seat, site: Site) -> None:
    """An addendum beside what was signed; both are in the archive a moment later."""
    chen.one(".report form button").click()
    chen.field("addendum").send_keys("Compared with the CT: a haemangioma. 血管瘤。")
    chen.state("Saved at")
    chen.one("a.sign").click()
    chen.one("#password").send_keys(PASSWORD, Keys.ENTER)
    chen.one(".versions .standing.addendum")
    assert "4 tried" in site.run("-c", SEND)
    chen.driver.refresh()
    assert len(chen.driver.find_elements(By.CSS_SELECTOR, ".versions .sent.done")) == 4
    chen.shot("report")
    chen.driver.find_elements(By.LINK_TEXT, "Page")[-1].click()
    assert "a haemangioma" in chen.said("article.paper", "haemangioma")
    assert "MRI of the lumbar spine." in chen.one("article.paper").text
    assert chen.ask("return document.querySelector('.pictures img').naturalHeight") > 100
    chen.shot("version")


def test_a_report_from_the_first_word_to_the_addendum(
    stage: tuple[Site, str, list[str]], seats: list[Seat]
) -> None:
    site, uid, _sessions = stage
    chen, wu = seats
    page = f"/studies/{uid}/"
    writes(chen, page, uid)
    loses_the_connection(chen, site)
    is_logged_out(chen)
    is_taken_over(chen, wu, page)
    has_two_windows(chen, page)
    signs(chen)
    adds(chen, site)
    assert chen.errors() == []
    assert wu.errors() == []
