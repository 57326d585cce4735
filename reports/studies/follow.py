"""The archive's changes, one after the other, into this site's own list.

The position is saved in the transaction that writes what it brought: a crash repeats, it skips
nothing. Orthanc's REST book: /changes, requestedTags.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.db import transaction

from reports import archive
from reports.studies import dicom
from reports.studies.models import Follow, Image, Series, Study

BATCH = 200
"""Changes at a time: memory is bounded by them, and by one study."""
GROWS = frozenset({"NewStudy", "NewSeries", "StableSeries", "StableStudy"})
ASKED = "ImageType;Rows;Columns;NumberOfFrames;InstanceNumber;SOPInstanceUID"


def step(source: archive.Archive, growing: set[str]) -> bool:
    """Take in the next batch of changes; says whether there are more. Raises archive.DownError.

    ``growing`` are the studies of which more may come: Orthanc calls one stable a minute after its
    last image only, so they are looked at in each round.
    """
    place = position()
    told = source.json(f"/changes?since={place.last}&limit={BATCH}")
    touched = set(growing)
    for change in told["Changes"]:
        kind, level, name = change["ChangeType"], change["ResourceType"], change["ID"]
        if kind in GROWS and (study := _study_of(source, level, name)):
            touched.add(study)
            growing.discard(study) if kind == "StableStudy" else growing.add(study)
    for name in sorted(touched):
        with transaction.atomic():
            look(source, name)
    with transaction.atomic():
        place.last, place.error = told["Last"], ""
        place.save()
    return not told["Done"]


def compare(source: archive.Archive) -> None:
    """The archive's whole list against ours: /changes forgets what was deleted."""
    there = set(source.json("/studies"))
    ours = set(Study.objects.filter(gone=False).values_list("archive_id", flat=True))
    for name in sorted(ours ^ there):
        with transaction.atomic():
            look(source, name)


def position() -> Follow:
    """How far we are."""
    return Follow.objects.get_or_create(pk=1)[0]


def failed(why: str) -> None:
    """The archive could not be asked: pages say so."""
    place = position()
    place.error = why[:300]
    place.save()


def _study_of(source: archive.Archive, level: str, name: str) -> str:
    """The study of a study, or of a series that is (or was) known."""
    if level == "Study":
        return name
    if level != "Series":
        return ""
    if known := Series.objects.filter(archive_id=name).values_list("study__archive_id").first():
        return str(known[0])
    try:
        return str(source.json(f"/series/{name}")["ParentStudy"])
    except archive.MissingError:
        return ""


def gone(name: str) -> None:
    """The archive has it no more; what was reported about it stays."""
    Image.objects.filter(series__study__archive_id=name).delete()
    Study.objects.filter(archive_id=name).update(gone=True, images=0, revision="")


def look(source: archive.Archive, name: str) -> None:
    """Write down a study as it is in the archive now."""
    try:
        about = source.json(f"/studies/{name}")
        each_series = source.json(f"/studies/{name}/series")
        images = source.json(f"/studies/{name}/instances?requestedTags={ASKED}")
        for each in each_series:
            each["MainDicomTags"]["RemoteAET"] = _sender(source, each["ID"])
    except archive.MissingError:
        return gone(name)
    pictured = [
        each for each in each_series if each["MainDicomTags"].get("Modality") not in dicom.REPORTS
    ]
    if not pictured:  # a report alone is no study to read
        return gone(name)
    kept = {each["ID"] for each in pictured}
    study = _write_study(about, pictured, [i for i in images if i["ParentSeries"] in kept])
    _write_series(study, pictured, images)
    return None


def _sender(source: archive.Archive, series: str) -> str:
    try:
        return source.get(f"/series/{series}/metadata/RemoteAET").decode("utf-8", "replace")
    except archive.MissingError:
        return ""


def _write_study(about: Any, series: list[Any], images: list[Any]) -> Study:
    tags = {**about["PatientMainDicomTags"], **about["MainDicomTags"]}
    alphabetic, ideographic = dicom.names(str(tags.get("PatientName") or ""))
    each = [one["MainDicomTags"] for one in series]
    uids = sorted(str(one["MainDicomTags"].get("SOPInstanceUID")) for one in images)
    found, _made = Study.objects.update_or_create(
        archive_id=about["ID"],
        defaults={
            "uid": dicom.text(tags, "StudyInstanceUID", 64),
            "patient_id": dicom.text(tags, "PatientID", 64),
            "patient_name": alphabetic,
            "patient_name_han": ideographic,
            "birth_date": dicom.day(dicom.text(tags, "PatientBirthDate", 16)),
            "sex": dicom.text(tags, "PatientSex", 1),
            "when": dicom.moment(tags, settings.CONFIG.time_zone),
            "accession": dicom.text(tags, "AccessionNumber", 16),
            "description": dicom.text(tags, "StudyDescription", 200)
            or next((dicom.text(one, "SeriesDescription", 200) for one in each), ""),
            "device": dicom.device(each, settings.CONFIG.devices),
            "modalities": "/".join(sorted({dicom.text(one, "Modality", 16) for one in each}))[:64],
            "images": len(images),
            # It changes with the images and with nothing else.
            "revision": hashlib.sha256("\n".join(uids).encode()).hexdigest(),
            "gone": False,
        },
    )
    return found


def _write_series(study: Study, series: list[Any], images: list[Any]) -> None:
    by_id: dict[str, Series] = {}
    for each in series:
        tags = each["MainDicomTags"]
        by_id[each["ID"]], _made = Series.objects.update_or_create(
            archive_id=each["ID"],
            defaults={
                "study": study,
                "uid": dicom.text(tags, "SeriesInstanceUID", 64),
                "number": dicom.number(tags, "SeriesNumber"),
                "description": dicom.text(tags, "SeriesDescription", 200),
                "modality": dicom.text(tags, "Modality", 16),
            },
        )
    mine = [each for each in images if each["ParentSeries"] in by_id]
    rows = [_image(by_id[each["ParentSeries"]], each) for each in mine]
    fields = ["series", "number", "kind", "frames", "rows", "columns"]
    Image.objects.bulk_create(
        rows, 500, update_conflicts=True, unique_fields=["archive_id"], update_fields=fields
    )
    there = [each["ID"] for each in mine]
    Image.objects.filter(series__study=study).exclude(archive_id__in=there).delete()
    study.series.exclude(archive_id__in=by_id).delete()


def _image(series: Series, each: Any) -> Image:
    tags = {**each["MainDicomTags"], **each.get("RequestedTags", {})}
    return Image(
        archive_id=each["ID"],
        series=series,
        uid=dicom.text(tags, "SOPInstanceUID", 64),
        number=dicom.number(tags, "InstanceNumber"),
        kind=dicom.kind(tags),
        frames=max(1, dicom.number(tags, "NumberOfFrames")),
        rows=max(0, dicom.number(tags, "Rows")),
        columns=max(0, dicom.number(tags, "Columns")),
    )
