"""The reading list follows a real archive: what comes, what goes, and while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from archive_kit import Orthanc, a_pdf, an_object
from django.conf import settings as told
from django.core.management import call_command
from pydicom.uid import generate_uid

from reports.archive import Archive
from reports.studies import follow as following
from reports.studies.management.commands.follow import look
from reports.studies.models import Follow, Image, Study
from reports.studies.sweep import Follower

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    made = Orthanc(tmp_path_factory.mktemp("orthanc"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def orthanc(server: Orthanc, settings: Any) -> Orthanc:
    """With nothing in it that an earlier test left."""
    for name in server.wire().json("/studies"):
        server.delete(f"/studies/{name}")
    config = replace(told.CONFIG, archive=str(server.credentials), devices={"VARICAM1": "varicam"})
    settings.CONFIG = config
    return server


def once() -> None:
    call_command("follow", once=True)


def test_a_study_appears_with_what_a_list_shows_of_it(orthanc: Orthanc) -> None:
    uid = generate_uid()
    orthanc.add(an_object(uid))
    orthanc.add(an_object(uid, InstanceNumber=2))
    once()
    study = Study.objects.get()
    assert (study.uid, study.patient_id, study.accession) == (uid, "P1000001", "A1")
    assert (study.patient_name, study.patient_name_han) == ("Lin^Mei", "林^美")
    assert study.when == datetime(2026, 11, 27, 10, 15, tzinfo=ZoneInfo("Asia/Taipei"))
    assert (study.device, study.modalities, study.images) == ("varicam", "NM", 2)
    first, second = Image.objects.order_by("number")
    assert (first.kind, first.frames, first.rows, first.columns) == ("WHOLE BODY", 2, 8, 8)
    assert second.number == 2
    assert Follow.objects.get().error == ""


def test_its_revision_changes_with_its_images_and_not_with_reports(orthanc: Orthanc) -> None:
    uid = generate_uid()
    orthanc.add(an_object(uid))
    once()
    before = Study.objects.get()
    orthanc.add(a_pdf(uid))
    once()
    after = Study.objects.get()
    assert (after.revision, after.images, after.modalities) == (before.revision, 1, "NM")
    orthanc.add(an_object(uid, InstanceNumber=2))
    once()
    assert Study.objects.get().revision != before.revision
    assert Study.objects.get().images == 2


def test_what_is_wrong_or_missing_in_an_object_keeps_nothing_out(orthanc: Orthanc) -> None:
    absent = ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StationName")
    absent += ("ImageType", "SeriesNumber", "InstanceNumber", "StudyDescription", "PatientName")
    bare, odd = generate_uid(), generate_uid()
    orthanc.add(an_object(bare, **dict.fromkeys(absent)))
    orthanc.add(
        an_object(odd, PatientName="Wei" * 80, StudyTime="25", PatientSex="X", StudyDate="19990230")
    )
    once()
    assert Study.objects.get(uid=bare).when is None
    assert len(Study.objects.get(uid=odd).patient_name) <= 200
    assert Study.objects.get(uid=odd).when is None


def test_what_the_archive_deleted_is_gone_and_comes_back(orthanc: Orthanc) -> None:
    uid, other = generate_uid(), generate_uid()
    made = an_object(uid)
    orthanc.add(made)
    orthanc.add(an_object(other, PatientID="P2"))
    once()
    study = Study.objects.get(uid=uid)
    orthanc.delete(f"/studies/{study.archive_id}")
    once()
    gone = Study.objects.get(uid=uid)
    assert (gone.gone, gone.images) == (True, 0)
    assert not Study.objects.get(uid=other).gone  # the control
    orthanc.add(made)
    once()
    assert (Study.objects.get(uid=uid).gone, Study.objects.get(uid=uid).images) == (False, 1)
    assert Study.objects.get(uid=uid).pk == study.pk


def test_a_resident_one_notices_one_image_deleted(orthanc: Orthanc) -> None:
    uid = generate_uid()
    orthanc.add(an_object(uid))
    second = orthanc.add(an_object(uid, InstanceNumber=2))
    follower = Follower(orthanc.wire())
    follower.look()
    before = Study.objects.get()
    orthanc.delete(f"/instances/{second}")
    follower.look()
    after = Study.objects.get()
    assert (before.images, after.images) == (2, 1)
    assert after.revision != before.revision


def test_it_goes_on_where_it_was_after_a_crash(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "CHANGES", 4)
    for at in range(5):
        orthanc.add(an_object(generate_uid(), PatientID=f"P{at}"))
    asked: list[str] = []
    plain = Archive.get

    def dies_at_the_third(self: Archive, path: str) -> bytes:
        asked.append(path)
        if sum(each.endswith("/study") for each in asked) == 3:
            raise KeyboardInterrupt
        return plain(self, path)

    monkeypatch.setattr(Archive, "get", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        once()
    position = Follow.objects.get().last
    kept = Study.objects.count()
    assert 0 < kept < 5
    monkeypatch.setattr(Archive, "get", plain)
    once()
    assert Study.objects.count() == 5
    assert Follow.objects.get().last > position


def test_while_the_archive_is_away_it_says_so_and_waits(orthanc: Orthanc) -> None:
    orthanc.add(an_object(generate_uid()))
    follower = Follower(orthanc.wire())
    look(follower)
    at = Follow.objects.get().at
    orthanc.stop()
    look(follower)
    away = Follow.objects.get()
    assert "does not answer" in away.error
    assert (away.at, Study.objects.filter(gone=False).count()) == (at, 1)
    orthanc.start()
    look(follower)
    assert Follow.objects.get().error == ""


def test_an_archive_made_anew_is_read_from_its_beginning(orthanc: Orthanc) -> None:
    orthanc.add(an_object(generate_uid()))
    Follow.objects.create(pk=1, last=10**9)
    once()
    assert Study.objects.filter(gone=False).count() == 1
    assert Follow.objects.get().last < 10**9


def test_two_patients_with_one_uid_are_not_mixed(orthanc: Orthanc) -> None:
    uid = generate_uid()
    orthanc.add(an_object(uid))
    once()
    orthanc.add(an_object(uid, PatientID="P2", PatientName="Chen^Wei"))
    once()
    assert Study.objects.get().patient_id == "P1000001"
    orthanc.delete(f"/studies/{Study.objects.get().archive_id}")
    once()  # the first was wrong and is deleted: its reports go with the UID
    assert (Study.objects.get().patient_id, Study.objects.get().gone) == ("P2", False)


def test_the_study_that_the_database_refuses_keeps_no_other_out(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = generate_uid()
    orthanc.add(an_object(bad))
    orthanc.add(an_object(generate_uid(), PatientID="P2"))
    plain = following._study

    def too_long(one: Any) -> Study:
        study = plain(one)
        if one.uid == bad:
            Study.objects.filter(pk=study.pk).update(device="x" * 100)
        return study

    monkeypatch.setattr(following, "_study", too_long)
    once()
    assert Study.objects.get().patient_id == "P2"
