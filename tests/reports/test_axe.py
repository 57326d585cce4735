"""Each page as axe-core judges it, in both colour schemes: no serious finding.

axe-core comes from PyPI with axe-core-python, which the developer's environment has beside this
tree; without it these tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import viewer_site
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.common.by import By
from test_viewer_browser import FLAGS, studies

ROOT = Path(__file__).parents[2]
FOUND = sorted(ROOT.glob(".venv/lib/python*/site-packages/axe_core_python/axe.min.js"))
pytestmark = pytest.mark.skipif(not FOUND, reason="no axe-core here: `make setup-tests`")
RUN = """
  const done = arguments[arguments.length - 1];
  axe.run(document, {resultTypes: ["violations"]}).then((told) => done(told.violations), done);
"""
SERIOUS = ("serious", "critical")
PAGES = {
    "front": "/",
    "sheet": "/sheets/camera",
    "list": "/studies/",
    "nothing found": "/studies/?patient=nobody",
    "study": "/studies/{study}/",
    "beside another": "/studies/{study}/?with={before}",
    "viewer": "/studies/{study}/viewer",
    "glass": "/studies/{closed}/",
    "report": "/reports/{report}/",
    "signing": "/reports/{report}/sign",
    "account": "/account",
    "people": "/people/",
    "trail": "/trail/",
    "restricted": "/restricted/",
    "not here": "/nothing",
}
OUTSIDE = {"login": "/login", "register": "/register"}


def fill(orthanc: Any) -> dict[str, Any]:
    """An administrator, people who wait, a restricted patient, and a report with a draft."""
    told = studies(orthanc)
    from django.utils import timezone
    from studies_kit import fill as more
    from studies_kit import login

    from reports.people.models import Person, Role
    from reports.studies.models import Restricted, Study
    from reports.writing.models import Draft, Report

    more(30, timezone.now())
    me = Person.objects.get(username="lin")
    me.role, me.name, me.name_han, me.admitted_at = Role.ADMINISTRATOR, "Lin", "林", timezone.now()
    me.save()
    for name, admitted in (("wu", None), ("chen", timezone.now())):
        Person.objects.create_user(name, name=name, admitted_at=admitted, is_active=bool(admitted))
    closed = Study.objects.exclude(patient_id="P-77").first()
    assert closed
    Restricted.objects.create(patient_id=closed.patient_id, reason="A colleague")
    about = {"study": Study.objects.get(uid=told["study"]), "begun_by": me}
    report = Report.objects.create(template="general", language="en", **about)
    sections = {"sections": {"impression": "Normal."}, "key_images": []}
    Draft.objects.create(report=report, author=me, content=sections)
    cookie = login(me).cookies["sessionid"].value  # another role has ended the one before
    return {**told, "closed": closed.uid, "report": report.pk, "chief": cookie}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with viewer_site.site(tmp_path_factory.mktemp("site"), "test_axe:fill") as running:
        yield running


@pytest.fixture(scope="module", params=["light", "dark"])
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chrome]:
    options = ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    made = Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))
    made.set_window_size(1280, 1000)
    scheme = {"name": "prefers-color-scheme", "value": request.param}
    # A button that is just changing its colour has none of the two.
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    made.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
    yield made
    made.quit()


def judged(browser: Chrome) -> list[str]:
    """What axe-core finds on the page that is open, with where."""
    browser.execute_script(FOUND[-1].read_text("utf-8"))  # type: ignore[no-untyped-call]
    found = browser.execute_async_script(RUN)  # type: ignore[no-untyped-call]
    assert isinstance(found, list), found
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:120]}: {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def test_no_page_has_a_serious_finding(site: dict[str, Any], browser: Chrome) -> None:
    wrong: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    for name, page in {**OUTSIDE, **PAGES}.items():
        browser.get(address := site["url"] + page.format(**site))
        assert browser.current_url == address, "sent elsewhere"
        headings[name] = browser.find_element(By.CSS_SELECTOR, "h1").text
        if name == "register":
            login = {"name": "sessionid", "value": site["chief"], "path": "/"}
            browser.add_cookie(login)  # type: ignore[no-untyped-call]
        if found := judged(browser):
            wrong[name] = found
    assert wrong == {}
    # Control: each is a page of its own, and not one that says that it cannot be shown.
    assert [name for name, head in headings.items() if head == "Not here"] == ["not here"]
    assert "Not permitted" not in headings.values()


def test_control_a_field_without_its_name_is_found(site: dict[str, Any], browser: Chrome) -> None:
    browser.delete_all_cookies()
    browser.get(f"{site['url']}/login")
    assert judged(browser) == []
    gone = "document.querySelectorAll('label').forEach((each) => each.remove())"
    browser.execute_script(gone)  # type: ignore[no-untyped-call]
    assert any(each.startswith("label (critical)") for each in judged(browser))
