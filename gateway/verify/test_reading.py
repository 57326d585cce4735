"""The whole way of a study: sent by a camera, read, reported, signed, back in the archive."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import pytest

from gateway.verify.context import Context
from gateway.verify.dicom import Image, image
from gateway.verify.plugin import Note
from gateway.verify.test_archive import a_writer
from gateway.verify.test_reports import a_reader
from gateway.verify.web import Browser, Visitor, administrator
from lab import Lab

MINUTE = 60.0
"""Within which a new study is in the list (issue 7)."""
FOUND = "findscu -S -k QueryRetrieveLevel=SERIES -k StudyInstanceUID={study} -k Modality $TO $AT"


def until(what: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in that time."""
    deadline = time.monotonic() + seconds
    while not (said := what()) and time.monotonic() < deadline:
        time.sleep(1)
    return said


def doctor(chief: Visitor, browser: Browser, role: str) -> tuple[Visitor, str]:
    """Registers, is not let in, is admitted, and logs in; with his password."""
    name, password = f"verify-{role}-{time.time_ns() % 10**9}", secrets.token_urlsafe(24)
    own = {"password": password, "again": password}
    me = Visitor(browser)
    me.send("/register", username=name, name="Dr. Verify", licence="V-1", department="NM", **own)
    assert not me.log_in(name, password), "before he is admitted"
    row = chief.look("/people/").body.partition(f"<td>{name}</td>")[2]
    number = re.search(r'action="/people/(\d+)"', row)
    assert number, "he does not wait"
    chief.send(f"/people/{number[1]}", what="admit", role=role)
    assert me.log_in(name, password)
    return me, password


def report(me: Visitor, study: str, password: str) -> str:
    """Write one and sign it; the address of its page."""
    assert me.send(f"/studies/{study}/reports/", template="general", language="en").status == 302
    page = me.look(f"/studies/{study}/").body
    draft, number = (re.search(rf"/{word}/(\d+)/", page) for word in ("drafts", "reports"))
    assert draft
    assert number
    sections = {"findings": "Nothing abnormal is seen.", "impression": "Normal bone scan."}
    told = {"revision": 0, "sections": sections, "key_images": []}
    kept = me.tell(f"/drafts/{draft[1]}/save", told)
    assert kept.status == 200, kept.body[:300]
    place = f"/reports/{number[1]}/"
    hidden = dict(
        re.findall(r'name="(revision|study)" value="([^"]*)"', me.look(f"{place}sign").body)
    )
    wrong = me.send(f"{place}sign", stage="final", password="not mine", **hidden)  # noqa: S106
    assert wrong.status == 409, "a wrong password signs nothing"
    assert me.send(f"{place}sign", stage="final", password=password, **hidden).status == 302
    return place


def test_from_a_camera_to_a_signed_report(lab: Lab, context: Context, note: Note) -> None:
    """A reader who may not write, a wrong password, and an unknown study are the controls."""
    if context.site.reports is None:
        pytest.skip("no report site is described")
    browser, camera, made = a_reader(lab, context), a_writer(lab, context), image()
    note(
        browser.who,
        "HTTPS",
        f"a study of {camera.place} is listed within a minute, seen, reported and signed; its PDF"
        " and text are in the archive",
    )
    assert camera.store(made).returncode == 0
    chief = administrator(browser, "verify-chief")
    writer, password = doctor(chief, browser, "reporter")
    listed = until(lambda: made.study in writer.look(f"/studies/?id={made.patient}").body, MINUTE)
    assert listed, f"{made.study} is not in the list after {MINUTE:.0f} s"
    assert writer.look("/studies/1.2.3.4/").status == 404
    meta = writer.look(f"/images/{made.uid}/meta")
    assert meta.status == 200, meta.body[:300]
    place = report(writer, made.study, password)
    reader, _ = doctor(chief, browser, "reader")
    assert reader.send(f"/studies/{made.study}/reports/", template="general").status == 403
    page = reader.look(place)
    assert "Normal bone scan." in page.body
    pdf = reader.look(f"{place}versions/1/pdf")
    assert (pdf.status, pdf.body[:5]) == (200, "%PDF-")
    sent = until(lambda: {"DOC", "SR"} <= kinds(lab, context, made), MINUTE)
    assert sent, kinds(lab, context, made)
    checked = lab.exec("box", ["reports", "trail_check"])
    assert "whole" in checked.stdout, checked.stderr


def kinds(lab: Lab, context: Context, made: Image) -> set[str]:
    """The modalities of a study's series, as a workstation is told them."""
    asked = a_writer(lab, context).work(FOUND.format(study=made.study))
    return set(re.findall(r"\(0008,0060\) CS \[(\w+) *\]", asked.stdout + asked.stderr))
