# ruff: noqa: RUF001 - the punctuation is Chinese
"""What goes out: the same bytes each time, in both scripts, and objects that a judge accepts."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pydicom
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from writing_kit import (
    HOSTILE,
    SC,
    Shelf,
    a_study,
    addendum,
    begin,
    key_image,
    login,
    person,
    quick,
    save,
    scan,
    sign,
    signed,
)

from reports import archive
from reports.documents import export as exporting
from reports.documents import fax, fonts, lines, picture, send
from reports.documents.dicom import person as pn
from reports.documents.dicom import written
from reports.studies.models import Image, Study
from reports.trail.models import Event
from reports.writing.models import Sent, Version

pytestmark = [pytest.mark.django_db, pytest.mark.urls("standin")]
embedded = pytest.mark.skipif(
    not fonts.UMING.exists(), reason="fonts-arphic-uming is not in this tree"
)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    quick(settings)


@pytest.fixture
def chen() -> Client:
    return login(person("chen"))


@pytest.fixture
def study() -> Study:
    return a_study()


@pytest.fixture
def shelf(study: Study, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Shelf:
    made = Shelf()
    for image in Image.objects.filter(series__study=study):
        made.hold(image)
    monkeypatch.setattr(archive, "reader", lambda: made)
    monkeypatch.setattr(archive, "adder", lambda: made)
    monkeypatch.setattr(
        settings, "CONFIG", type("C", (), {**vars(settings.CONFIG), "archive_store": "yes"})
    )
    return made


def get_pdf(client: Client, version: Version) -> bytes:
    answer = client.get(reverse("pdf", args=[version.report_id, version.number]))
    assert answer.status_code == 200, answer.content
    return answer.content


def words(pdf: bytes, tmp_path: Path) -> str:
    place = tmp_path / "report.pdf"
    place.write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", place, "-"], capture_output=True, check=True)
    return done.stdout.decode()


def judged(file: bytes, tmp_path: Path) -> list[str]:
    """What dciodvfy calls an error."""
    place = tmp_path / "object.dcm"
    place.write_bytes(file)
    done = subprocess.run(["dciodvfy", place], capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


# Pictures


def test_a_window_means_counts_and_not_the_frame(study: Study, shelf: Shelf, chen: Client) -> None:
    def shown(frame: int, **more: Any) -> Any:
        told = {"frame": frame, "low": 0, "high": 1000, "palette": "grey", **more}
        answer = chen.get(reverse("picture", args=[f"{study.uid}.1.1"]), told)
        assert answer.status_code == 200
        return np.asarray(PIL.Image.open(io.BytesIO(answer.content)))

    first, second = shown(0), shown(2)
    # 200 counts more of 1000 are 51 levels brighter, in every place.
    middle = first.shape[0] // 2
    difference = second[middle, :, 0].astype(int) - first[middle, :, 0]
    assert set(difference) <= {50, 51, 52}
    assert (shown(0, palette="inverse") == 255 - first).all()
    hot = shown(3, palette="Hot Iron")
    assert hot[middle, 300, 0] > hot[middle, 300, 2]
    assert (shown(0, low=-50, high=0) == 255).all()


def test_a_picture_is_of_a_frame_that_there_is(study: Study, shelf: Shelf, chen: Client) -> None:
    url = reverse("picture", args=[f"{study.uid}.1.1"])
    good = {"frame": 0, "low": 0, "high": 9}
    assert chen.get(url, good).status_code == 200
    for wrong in ({"frame": 4}, {"frame": -1}):
        assert chen.get(url, {**good, **wrong}).status_code == 404
    for bad in ({"low": "x"}, {"high": "nan"}, {"frame": "1.5"}, {"low": "1e300"}):
        assert chen.get(url, {**good, **bad}).status_code == 400
    assert chen.get(reverse("picture", args=["1.2.3"]), good).status_code == 404
    shelf.down = True
    assert chen.get(url, good).status_code == 503


# Pages and PDF


def test_a_version_is_the_same_bytes_each_time(study: Study, shelf: Shelf, chen: Client) -> None:
    version = signed(chen, study, key_image(study), key_image(study, 2, low=100.0))
    first, second = get_pdf(chen, version), get_pdf(chen, version)
    assert first == second
    other = addendum(chen, version.report, "Addendum.")
    assert get_pdf(chen, other) != first
    assert get_pdf(chen, version) == first
    assert Event.objects.filter(action="pdf").count() == 4


def test_the_pdf_says_everything(study: Study, shelf: Shelf, chen: Client, tmp_path: Path) -> None:
    final = signed(chen, study, key_image(study))
    version = addendum(chen, final.report, "Compared with the CT of 2026-11-02.")
    said = words(get_pdf(chen, version), tmp_path)
    for wanted in (
        "Focal uptake in L3.",
        "Compared with the CT of 2026-11-02.",
        "Lin Mei",
        "P1234567",
        "Page 1 of 1",
        final.digest,
        version.digest,
        "frame 2, window 0 to 500, hot-iron",
        "signed electronically by Chen",
    ):
        assert wanted in said, said
    alone = words(get_pdf(chen, final), tmp_path)
    assert "Compared with the CT" not in alone


@embedded
def test_the_pdf_is_in_both_scripts_with_its_own_fonts(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    version = signed(chen, study, key_image(study))
    said = words(get_pdf(chen, version), tmp_path)
    for wanted in ("第三腰椎局部攝取增加。", "林美", "陳偉林", "骨骼掃描", "前位"):
        assert wanted in said, said
    place = tmp_path / "report.pdf"
    told = subprocess.run(["pdffonts", place], capture_output=True, text=True, check=True)
    rows = told.stdout.splitlines()[2:]
    assert len(rows) >= 3
    assert all(re.search(r"\byes yes yes\b", row) for row in rows), told.stdout


def test_a_long_report_has_its_pages_counted(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    long = "\n".join(f"Line {number} of a long finding 第{number}行" for number in range(400))
    version = signed(chen, study, findings=long, impression="w" * 3000)
    said = words(get_pdf(chen, version), tmp_path)
    pages = said.count("\f")
    assert pages > 5
    assert f"Page {pages} of {pages}" in said
    assert "Line 0 of" in said
    assert "Line 399 of" in said
    assert said.count("w") >= 3000


def test_many_short_lines_and_many_notes_find_their_place(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    shown = [key_image(study, at % 4, note="long\nnote " * 45) for at in range(24)]
    version = signed(chen, study, *shown, findings="a\n" * 700 + "end")
    said = words(get_pdf(chen, version), tmp_path)
    assert f"Page {said.count(chr(12))} of {said.count(chr(12))}" in said
    assert "24. long note" in said


def test_no_line_is_wider_than_the_page() -> None:
    fonts.han()
    style = lines.Style()
    text = "甲狀腺，攝取率為（20%）。" * 30 + " Technetium-99m " * 20 + "x" * 400
    found = lines.broken(text, style, 200)
    assert all(fonts.width(line, style.font, style.size) <= 200.5 for line in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert not any(line.startswith(("，", "。", "）")) for line in found)
    assert not any(line.endswith("（") for line in found)


def test_hostile_texts_do_no_harm_on_paper(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    version = signed(chen, study, key_image(study, note=HOSTILE), findings=HOSTILE + "<para>&")
    said = words(get_pdf(chen, version), tmp_path)
    assert "<script>alert(1)</script>&lt;b&gt;" in said
    assert "\u202e" not in said
    page = chen.get(reverse("version", args=[version.report_id, 1])).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert send.everything() == 2
    assert all(not judged(file, tmp_path) for file in shelf.added)


def test_a_preliminary_report_says_so(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    draft = begin(chen, study)
    save(chen, draft, 0, {"impression": "Maybe."})
    sign(chen, draft, "preliminary")
    version = Version.objects.get()
    said = "Preliminary report: it may still change."
    assert said in words(get_pdf(chen, version), tmp_path)
    url = reverse("version", args=[version.report_id, 1])
    assert said in chen.get(url).content.decode()
    assert not Sent.objects.exists(), "only what is final goes into the archive"


def test_an_archive_that_is_down_is_called_so(study: Study, shelf: Shelf, chen: Client) -> None:
    version = signed(chen, study, key_image(study))
    shelf.down = True
    answer = chen.get(reverse("pdf", args=[version.report_id, 1]))
    assert answer.status_code == 503
    assert "What you have written is kept" in answer.content.decode()
    assert chen.get(reverse("version", args=[version.report_id, 1])).status_code == 200
    assert not Event.objects.filter(action="pdf").exists()


def test_printing_is_noted(study: Study, shelf: Shelf, chen: Client) -> None:
    version = signed(chen, study)
    assert chen.post(reverse("printed", args=[version.report_id, 1])).status_code == 204
    assert chen.get(reverse("printed", args=[version.report_id, 1])).status_code == 405
    assert Event.objects.filter(action="print").count() == 1


# Into the archive


def test_both_objects_are_as_dicom_asks(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    final = signed(chen, study, key_image(study))
    addendum(chen, final.report, "More.")
    assert send.everything() == 4
    assert len(shelf.added) == 4
    for file in shelf.added:
        assert judged(file, tmp_path) == []
    read = [pydicom.dcmread(io.BytesIO(file)) for file in shelf.added]
    kinds = [each.Modality for each in read]
    assert sorted(kinds) == ["DOC", "DOC", "SR", "SR"]
    for each in read:
        assert each.StudyInstanceUID == study.uid
        assert str(each.PatientName) == "Lin^Mei=林^美"
        assert each.AccessionNumber == "A1"
    pdf = read[kinds.index("DOC")]
    length = pdf.EncapsulatedDocumentLength
    assert pdf.EncapsulatedDocument[:length] == get_pdf(chen, final)
    first, second = (each for each in read if each.Modality == "SR")
    finding = first.ContentSequence[3].ContentSequence[0]
    assert finding.TextValue == "Findings:\r\nFocal uptake in L3.\r\n第三腰椎局部攝取增加。"
    image = first.CurrentRequestedProcedureEvidenceSequence[0]
    named = image.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == f"{study.uid}.1.1"
    before = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert before.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert first.VerifyingObserverSequence[0].VerifyingObserverName == "Chen=陳偉林"


def test_the_judge_would_have_found_an_error(
    study: Study, shelf: Shelf, chen: Client, tmp_path: Path
) -> None:
    signed(chen, study, key_image(study))
    send.everything()
    for file in shelf.added:
        read = pydicom.dcmread(io.BytesIO(file))
        del read.ConceptNameCodeSequence
        read.VerificationFlag = "PERHAPS"
        out = io.BytesIO()
        read.save_as(out)
        assert judged(out.getvalue(), tmp_path)


def test_a_name_in_both_scripts_is_one_of_dicom() -> None:
    assert pn("Chen Wei-Lin 陳偉林, 012345") == "Chen Wei-Lin=陳偉林"
    assert pn("A^B=C\\D, 1") == "A B C D"


def test_it_waits_while_the_archive_is_down_and_goes_once(
    study: Study, shelf: Shelf, chen: Client
) -> None:
    signed(chen, study)
    shelf.down = True
    assert send.everything() == 2
    waiting = Sent.objects.get(way="pdf-archive")
    assert (waiting.state, waiting.tries) == ("waiting", 1)
    assert "does not answer" in waiting.why
    assert send.everything() == 0, "not at once again"
    assert not send.due(waiting, waiting.at + timedelta(seconds=29))
    assert send.due(waiting, waiting.at + timedelta(seconds=30))
    waiting.tries = 50
    assert send.due(waiting, waiting.at + timedelta(hours=1))
    assert not send.due(waiting, waiting.at + timedelta(minutes=59))
    shelf.down = False
    later = timezone.now() + timedelta(minutes=5)
    while send.one(later):
        pass
    assert set(Sent.objects.values_list("state", flat=True)) == {"done"}
    assert Event.objects.filter(action="send", outcome="success", person="gateway").count() == 2
    # As after a crash between the archive's yes and our note of it: the same object again.
    Sent.objects.update(state="waiting", tries=0)
    send.everything()
    assert len(shelf.added) == 4
    assert len(set(shelf.added)) == 2


def test_one_that_cannot_be_made_does_not_hold_up_the_others(
    study: Study, shelf: Shelf, chen: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bytes:
        raise ZeroDivisionError("nobody thought of this")

    signed(chen, study)
    monkeypatch.setattr(send.pdf, "make", broken)
    assert send.everything() == 2
    failed = Sent.objects.get(state="failed")
    assert (failed.way, failed.why) == ("pdf-archive", "ZeroDivisionError: nobody thought of this")
    assert Sent.objects.get(state="done").way == "sr-archive"


def test_a_study_that_is_gone_is_said_and_can_be_tried_again(
    study: Study, shelf: Shelf, chen: Client
) -> None:
    version = signed(chen, study)
    kept = shelf.files.pop(f"/studies/{study.archive_id}")
    send.everything()
    failed = Sent.objects.filter(state="failed")
    assert failed.count() == 2
    page = chen.get(reverse("report", args=[version.report_id])).content.decode()
    assert "the archive has not (any more)" in page
    shelf.files[f"/studies/{study.archive_id}"] = kept
    for each in list(failed):
        reader = login(person(f"reader-{each.pk}", "reader"))
        assert reader.post(reverse("send-again", args=[each.pk])).status_code == 403
        chen.post(reverse("send-again", args=[each.pk]))
    send.everything()
    assert set(Sent.objects.values_list("state", flat=True)) == {"done"}


def test_nothing_waits_where_nothing_may_be_added(
    study: Study, shelf: Shelf, chen: Client, settings: Any
) -> None:
    settings.CONFIG.archive_store = ""
    signed(chen, study)
    assert not Sent.objects.exists()


# Fax


@pytest.fixture
def machine(settings: Any, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sendfax that notes what it was asked; and refuses where a file says so."""
    settings.CONFIG.fax_host = "fax@10.0.0.1:4559"
    log = tmp_path / "asked"
    script = tmp_path / "sendfax"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\ntail -n1 {log} | xargs head -c5 >> {log}.head\n'
        f"test ! -e {tmp_path}/busy || {{ echo 'no modem' >&2; exit 1; }}\n"
        "echo 'request id is 7 (group id 7) for host 10.0.0.1 (1 file)'\n"
    )
    script.chmod(0o755)
    script.with_name("faxstat").write_text(
        f'#!/bin/sh\ntest "$*" = "-s -d -h fax@10.0.0.1:4559" || exit 2\n'
        f"cat ~/.hylarc > {tmp_path}/format; cat {tmp_path}/jobs\n"
    )
    script.with_name("faxstat").chmod(0o755)
    monkeypatch.setattr(fax, "PLACES", f"{tmp_path}:/usr/bin:/bin")
    return log


def test_a_fax_is_sent_as_hylafax_is_asked(study: Study, chen: Client, machine: Path) -> None:
    version = signed(chen, study)
    url = reverse("fax", args=[version.report_id, 1])
    chen.post(url, {"number": "(07) 312-1101"})
    send.everything()
    asked = machine.read_text().splitlines()
    assert asked[:-1] == ["-n", "-m", "-h", "fax@10.0.0.1:4559", "-f", "reports", "-d", "073121101"]
    assert (machine.parent / "asked.head").read_text() == "%PDF-"
    sent = Sent.objects.get(way="fax")
    assert (sent.state, sent.job) == ("taken", 7)
    assert Event.objects.filter(action="send", detail__way="fax").count() == 2


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("7|R|", ("taken", "")),
        ("7|S|Busy signal detected", ("taken", "Busy signal detected")),
        ("7|D|", ("done", "")),
        ("7|F|No answer from remote", ("failed", "No answer from remote")),
        ("8|F|No answer from remote", ("taken", "")),
        ("", ("taken", "")),
    ],
)
def test_a_fax_is_followed_to_its_end(
    line: str, wanted: tuple[str, str], study: Study, chen: Client, machine: Path
) -> None:
    """Another job's end, and a fax server that knows of none, are the controls."""
    version = signed(chen, study)
    chen.post(reverse("fax", args=[version.report_id, 1]), {"number": "073121101"})
    send.everything()
    told = f"HylaFAX scheduler on box.example: Running\nModem ttyS0 (+886): idle\n\n{line}\n"
    (machine.parent / "jobs").write_text(told)
    trail = Event.objects.filter(action="send", detail__way="fax")
    before = trail.count()
    state = wanted[0]
    for _again in range(2):
        send.follow_faxes(timezone.now())
        sent = Sent.objects.get(way="fax")
        assert (sent.state, sent.why) == wanted
        assert trail.count() - before == (state != "taken"), "once"
    assert (machine.parent / "format").read_text() == 'JobFmt: "%j|%a|%s"\n'
    if state != "taken":
        last = trail.order_by("-pk")[0]
        failed = "failure" if state == "failed" else "success"
        assert (last.outcome, last.detail["state"]) == (failed, state)


def test_nobody_is_asked_after_no_fax_or_an_old_one(
    study: Study, chen: Client, machine: Path
) -> None:
    send.follow_faxes(timezone.now())
    assert not (machine.parent / "format").exists()
    version = signed(chen, study)
    chen.post(reverse("fax", args=[version.report_id, 1]), {"number": "073121101"})
    send.everything()
    (machine.parent / "jobs").write_text("7|D|\n")
    assert send.follow_faxes(timezone.now() + timedelta(days=3)) == 0
    (machine.parent / "faxstat").unlink()
    assert send.follow_faxes(timezone.now()) == 0, "a server that does not answer is asked again"
    assert Sent.objects.get(way="fax").state == "taken"


@pytest.mark.parametrize(
    "number",
    ["", "--help", "-d 5", "1;reboot", "$(id)", "12", "5\n6 x", "１２３４", "a@b", "9" * 40],
)
def test_what_is_no_number_is_not_dialled(
    number: str, study: Study, chen: Client, machine: Path
) -> None:
    version = signed(chen, study)
    chen.post(reverse("fax", args=[version.report_id, 1]), {"number": number})
    assert not Sent.objects.filter(way="fax").exists()
    assert fax.number("+886 7 312-1101,12") == "+88673121101,12"


def test_a_fax_server_that_is_off_is_tried_again(study: Study, chen: Client, machine: Path) -> None:
    (machine.parent / "busy").touch()
    version = signed(chen, study)
    chen.post(reverse("fax", args=[version.report_id, 1]), {"number": "073121101"})
    send.everything()
    sent = Sent.objects.get(way="fax")
    assert (sent.state, sent.why) == ("waiting", "sendfax: no modem")
    at = timezone.now()
    for _ in range(10):
        at += timedelta(hours=2)
        while send.one(at):
            pass
    sent.refresh_from_db()
    assert (sent.state, sent.tries) == ("failed", 6)


def test_without_a_fax_server_there_is_no_fax(study: Study, shelf: Shelf, chen: Client) -> None:
    version = signed(chen, study)
    answer = chen.post(reverse("fax", args=[version.report_id, 1]), {"number": "073121101"})
    assert answer.status_code == 404
    reader = login(person("doctor", "reader"))
    url = reverse("fax", args=[version.report_id, 1])
    assert reader.post(url, {"number": "073121101"}).status_code == 403


# For teaching


def export(client: Client, study: Study, **more: str) -> zipfile.ZipFile:
    answer = client.post(reverse("export", args=[study.uid]), more)
    assert answer.status_code == 200, answer.content
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]


SECRETS = (
    b"Lin",
    "林".encode(),
    b"P1234567",
    b"1960",
    b"2026",
    b"Wang",
    b"Kaohsiung Hospital",
    b"CAM1",
    b"SN-4711",
    b"Example Road",
    b"GENIE",
    b"1.2.826.0.1.3680043.10.999",
    b"093000",
)


def test_nothing_of_the_patient_is_in_an_export(chen: Client, shelf: Shelf, tmp_path: Path) -> None:
    several = a_study(2, images=3)
    for image in Image.objects.filter(series__study=several):
        shelf.hold(image)
    found = export(chen, several, pictures="on")
    assert len([name for name in found.namelist() if name.endswith(".png")]) == 12
    before = b"".join(shelf.files.values())
    assert all(secret in before for secret in SECRETS), "the test knows what it looks for"
    for name in found.namelist():
        content = found.read(name)
        if name.endswith(".dcm"):
            content = re.sub(rb"\x00*$", b"", content[: content.index(b"\xe0\x7f\x10\x00")])
        content = re.sub(rb"2\.25\.\d+", b"", content)  # by chance they hold any four digits
        for secret in SECRETS:
            assert secret not in content, (name, secret)
    assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    noted = Event.objects.get(action="export")
    assert (noted.detail["objects"], noted.detail["left_out"]) == (3, 0)


def test_an_export_still_is_a_study(
    chen: Client, shelf: Shelf, study: Study, tmp_path: Path
) -> None:
    several = a_study(2, images=2)
    for image in Image.objects.filter(series__study=several):
        shelf.hold(image)
    found = export(chen, several)
    read = [pydicom.dcmread(io.BytesIO(found.read(f"dicom/000{at}.dcm"))) for at in (1, 2)]
    assert len({each.StudyInstanceUID for each in read}) == 1
    assert len({each.SeriesInstanceUID for each in read}) == 1
    assert len({each.SOPInstanceUID for each in read}) == 2
    original = scan(Image.objects.get(uid=f"{several.uid}.1.1"))
    assert (read[0].pixel_array == original.pixel_array).all()
    assert read[0].PatientIdentityRemoved == "YES"
    assert not [element for element in read[0].iterall() if element.tag.is_private]
    assert (
        read[0]
        .EnergyWindowInformationSequence[0]
        .EnergyWindowRangeSequence[0]
        .EnergyWindowLowerLimit
        == 126
    )
    assert judged(found.read("dicom/0001.dcm"), tmp_path) == []
    again = export(chen, several)
    other = pydicom.dcmread(io.BytesIO(again.read("dicom/0001.dcm")))
    assert other.StudyInstanceUID != read[0].StudyInstanceUID, "two exports cannot be put together"


SYNTAXES = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.5",
)


@pytest.mark.parametrize("kind", ["static", "dynamic", "gated", "tomo", "recon"])
def test_every_kind_keeps_its_pixels_and_gains_no_error(kind: str, tmp_path: Path) -> None:
    place = Path(__file__).parent.parent / "intake" / "dicom_kit.py"
    others = importlib.util.spec_from_file_location("dicom_kit", place)
    assert others
    assert others.loader
    makers = importlib.util.module_from_spec(others)
    others.loader.exec_module(makers)
    for syntax in SYNTAXES:
        file = makers.encode(getattr(makers, kind)(), syntax)
        stripped = exporting.stripped(pydicom.dcmread(io.BytesIO(file)), exporting.Alias())
        made = written(stripped)
        before, after = (pydicom.dcmread(io.BytesIO(each)) for each in (file, made))
        assert (before.pixel_array == after.pixel_array).all()
        assert after.file_meta.TransferSyntaxUID == syntax
        assert not set(judged(made, tmp_path)) - set(judged(file, tmp_path))


def test_what_may_have_a_name_in_its_pixels_stays_here(
    chen: Client, shelf: Shelf, study: Study
) -> None:
    several = a_study(2, images=2)
    first, second = Image.objects.filter(series__study=several)
    shelf.hold(first)
    screen = scan(second, SC)
    screen.ConversionType = "WSD"
    shelf.hold(second, screen)
    assert "dicom/0002.dcm" not in export(chen, several).namelist()
    assert "dicom/0002.dcm" in export(chen, several, burned="on").namelist()
    shelf.hold(first, screen)
    refused = chen.post(reverse("export", args=[several.uid]))
    assert refused.status_code == 409
    assert "may have text in its pixels" in refused.content.decode()


def test_only_who_reports_exports(study: Study, shelf: Shelf) -> None:
    reader = login(person("doctor", "reader"))
    assert reader.get(reverse("export", args=[study.uid])).status_code == 403
    assert reader.post(reverse("export", args=[study.uid])).status_code == 403


def test_an_export_from_an_archive_that_is_down(study: Study, shelf: Shelf, chen: Client) -> None:
    shelf.down = True
    assert chen.post(reverse("export", args=[study.uid])).status_code == 503
    assert Event.objects.get(action="export").outcome == "failure"


def test_what_is_kept_is_named_as_dicom_names_it() -> None:
    from pydicom.datadict import tag_for_keyword

    from reports.documents import keep

    for name in keep.KEPT | keep.SEQUENCES | keep.RENAMED | keep.EMPTIED | set(keep.DUMMIES):
        assert tag_for_keyword(name), name


def test_colours_are_dicoms_own() -> None:
    iron = picture.colours("Hot Iron")
    assert tuple(iron[0]) == (0, 0, 0)
    assert tuple(iron[255]) == (255, 255, 255)
    assert tuple(picture.colours("nothing of that name")[77]) == (77, 77, 77)
    assert len({picture.colours(name)[100].tobytes() for name in ("pet", "hot-iron", "grey")}) == 3


SAMPLES = os.environ.get("REPORT_SAMPLES", "")
LONG = (
    "Focal increased uptake in the body of L3, of moderate intensity, without extension into the"
    " pedicles. 第三腰椎椎體可見中度局部攝取增加，未延伸至椎弓根；其餘中軸及四肢骨骼分布對稱，"
    "屬生理性分布。雙側腎臟及膀胱顯影正常，軟組織無異常攝取（請參考附圖）。\nNo other focal area."
)


@pytest.mark.skipif(not SAMPLES, reason="makes a file to look at, where REPORT_SAMPLES says")
def test_a_sample_to_look_at(study: Study, shelf: Shelf, chen: Client) -> None:
    shown = [key_image(study, at) for at in range(4)]
    final = signed(chen, study, *shown, technique="740 MBq of Tc-99m MDP.", findings=LONG)
    last = addendum(chen, final.report, "Compared with the CT: a haemangioma. 屬血管瘤。")
    Path(SAMPLES, "sample.pdf").write_bytes(get_pdf(chen, last))
