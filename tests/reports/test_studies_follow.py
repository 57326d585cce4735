"""The list follows a real archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from orthanc import TEXT, Orthanc, image
from pydicom.uid import generate_uid

from reports import archive
from reports.studies import follow
from reports.studies.models import Follow, Image, Status, Study

pytestmark = pytest.mark.django_db


@pytest.fixture
def orthanc(tmp_path: Path, settings: Any) -> Iterator[Orthanc]:
    made = Orthanc(tmp_path)
    known = {"ICON-1": "icon"}
    settings.CONFIG = replace(settings.CONFIG, archive=str(made.credentials), devices=known)
    made.start()
    yield made
    made.process.kill()  # a peaceful end takes it two seconds
    made.process.wait()


def once() -> None:
    call_command("follow", "--once")


def test_a_study_appears_as_it_is(orthanc: Orthanc) -> None:
    orthanc.send(image("1.2.3", NumberOfFrames=2, PixelData=bytes(64)))
    once()
    found = Study.objects.get()
    assert (found.uid, found.patient_name, found.patient_name_han) == ("1.2.3", "Lin^Mei", "林^美")
    assert (found.patient_id, found.birth_date, found.sex) == ("K-0042", date(1951, 2, 3), "F")
    assert found.when is not None
    assert found.when.isoformat() == "2026-11-03T01:30:00+00:00"  # 09:30 in Taipei
    assert (found.device, found.description, found.modalities) == ("icon", "Bone scan", "NM")
    assert (found.status, found.images) == (Status.UNREAD, 1)
    only = Image.objects.get()
    assert (only.kind, only.frames, only.rows, only.columns) == ("STATIC", 2, 4, 4)


def test_what_grows_changes_its_revision_and_a_report_does_not(orthanc: Orthanc) -> None:
    series = generate_uid()
    orthanc.send(image("1.2.3", SeriesInstanceUID=series))
    once()
    first = Study.objects.get().revision
    orthanc.send(image("1.2.3", SOPClassUID=TEXT, Modality="SR", PixelData=None))
    once()
    assert (Study.objects.get().revision, Study.objects.get().images) == (first, 1)
    orthanc.send(image("1.2.3", SeriesInstanceUID=generate_uid()))
    once()
    assert Study.objects.get().revision != first
    assert Study.objects.get().images == 2


def test_one_more_image_of_a_known_series_is_seen_while_it_grows(orthanc: Orthanc) -> None:
    series, growing = generate_uid(), set[str]()
    study = orthanc.send(image("1.2.3", SeriesInstanceUID=series))
    while follow.step(archive.reader(), growing):
        pass
    assert growing <= {study}
    orthanc.send(image("1.2.3", SeriesInstanceUID=series))
    growing.add(study)  # as long as the archive has not called it stable
    while follow.step(archive.reader(), growing):
        pass
    assert Study.objects.get().images == 2


def test_a_study_that_is_deleted_is_gone_and_comes_back(orthanc: Orthanc) -> None:
    sent = image("1.2.3")
    study = orthanc.send(sent)
    once()
    orthanc.ask("DELETE", f"/studies/{study}")
    once()
    assert (Study.objects.get().gone, Image.objects.count()) == (True, 0)
    orthanc.send(sent)
    once()
    assert (Study.objects.get().gone, Image.objects.count()) == (False, 1)


def test_a_report_alone_is_no_study(orthanc: Orthanc) -> None:
    orthanc.send(image("1.2.3", SOPClassUID=TEXT, Modality="SR", PixelData=None))
    once()
    assert not Study.objects.exists()


@pytest.mark.parametrize(
    "odd",
    [
        {"StudyDate": None, "StudyTime": None},
        {"StudyDate": "20261399", "StudyTime": "996699"},
        {"PatientName": None, "PatientID": None, "PatientBirthDate": None},
        {"ImageType": None, "StationName": None, "StudyDescription": None},
        {"PatientName": "=王^小明", "StudyDescription": "é" * 60},
    ],
)
def test_what_is_absent_or_odd_holds_nothing_up(orthanc: Orthanc, odd: dict[str, Any]) -> None:
    orthanc.send(image("1.2.3", **odd), image("1.2.4"))
    once()
    assert sorted(Study.objects.values_list("uid", flat=True)) == ["1.2.3", "1.2.4"]


def test_an_archive_that_is_down_is_said_and_nothing_is_lost(orthanc: Orthanc) -> None:
    orthanc.send(image("1.2.3"))
    once()
    orthanc.stop()
    once()
    place = Follow.objects.get()
    assert "does not answer" in place.error
    assert Study.objects.count() == 1
    orthanc.start()
    orthanc.send(image("1.2.4"))
    once()
    assert (Follow.objects.get().error, Study.objects.count()) == ("", 2)
    assert Follow.objects.get().last > place.last
