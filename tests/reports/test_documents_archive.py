"""A report's objects in a real archive: Debian 13's Orthanc, on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from writing_kit import (
    Orthanc,
    a_study,
    addendum,
    file_of,
    key_image,
    login,
    person,
    quick,
    scan,
    signed,
)

from reports import archive
from reports.documents import send
from reports.studies.models import Image, Study
from reports.writing.models import Sent

pytestmark = [pytest.mark.django_db, pytest.mark.urls("standin")]


@pytest.fixture
def orthanc(tmp_path: Path, settings: Any) -> Iterator[archive.Archive]:
    running = Orthanc(tmp_path)
    running.start()
    place = str(running.login)
    more = {**vars(settings.CONFIG), "archive": place, "archive_store": place}
    settings.CONFIG = type("C", (), more)
    wire = archive.reader()
    yield wire
    wire.close()
    running.stop()


def test_the_archive_has_them_once_in_the_same_study(
    orthanc: archive.Archive, settings: Any
) -> None:
    quick(settings)
    study = a_study()
    image = Image.objects.get(series__study=study)
    stored = orthanc.post("/instances", file_of(scan(image)))
    Study.objects.update(archive_id=stored["ParentStudy"])
    Image.objects.update(archive_id=stored["ID"])
    chen = login(person("chen"))
    final = signed(chen, study, key_image(study))
    addendum(chen, final.report, "More 更多.")
    assert send.everything() == 4
    assert set(Sent.objects.values_list("state", flat=True)) == {"done"}
    held = orthanc.json(f"/studies/{stored['ParentStudy']}/series")
    kinds = sorted(each["MainDicomTags"]["Modality"] for each in held)
    assert kinds == ["DOC", "DOC", "NM", "SR", "SR"]
    assert len(orthanc.json("/patients")) == len(orthanc.json("/studies")) == 1

    for each in held:
        name = each["Instances"][0]
        if each["MainDicomTags"]["Modality"] == "DOC":
            assert orthanc.get(f"/instances/{name}/pdf").startswith(b"%PDF-")
        if each["MainDicomTags"]["Modality"] == "SR":
            tags = orthanc.json(f"/instances/{name}/simplified-tags")
            assert "第三腰椎局部攝取增加。" in json.dumps(tags, ensure_ascii=False)
            assert tags["PatientName"] == "Lin^Mei=林^美"

    # Once more, as after a crash: the archive has them already, and still has them once.
    Sent.objects.update(state="waiting", tries=0)
    send.everything()
    assert set(Sent.objects.values_list("state", flat=True)) == {"done"}
    assert len(orthanc.json("/instances")) == 5
