"""Follow the archive: what came in since last time goes into the list.

Orthanc's ``/changes`` is a log with a number for each entry. A batch of it is read, what it is
about asked for, and both the studies and the number written in one transaction: after a crash the
same batch is done again, and nothing is done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from reports.archive import Archive, MissingError
from reports.studies import attributes, found, names
from reports.studies.attributes import number, positive, text
from reports.studies.found import Found, Part
from reports.studies.models import Follow, Image, Series, Study

CHANGES = 200
_log = logging.getLogger(__name__)


def position() -> int:
    """The number of the last change that was followed."""
    return Follow.objects.get_or_create(pk=1)[0].last


def step(wire: Archive) -> tuple[int, bool]:
    """One batch: how many objects came, and whether that was all. Raises DownError."""
    last = position()
    told = _changes(wire, last)
    if told["Last"] < last:  # an archive that was made anew, or came back from a copy
        told = _changes(wire, 0)
    came = [each["ID"] for each in told["Changes"] if each["ChangeType"] == "NewInstance"]
    studies = [one for one in (look(wire, each) for each in _touched(wire, came)) if one]
    with transaction.atomic():
        for one in studies:
            keep(one)
        Follow.objects.filter(pk=1).update(last=told["Last"], at=timezone.now(), error="")
    return len(came), told["Done"]


def _changes(wire: Archive, since: int) -> dict[str, Any]:
    answer: dict[str, Any] = wire.json(f"/changes?since={since}&limit={CHANGES}")
    return answer


def _touched(wire: Archive, instances: Iterable[str]) -> list[dict[str, Any]]:
    """The studies that these belong to, each once; those that are away again left out."""
    studies: dict[str, dict[str, Any]] = {}
    for name in instances:
        try:
            told = wire.json(f"/instances/{name}/study")
        except MissingError:
            continue
        studies[told["ID"]] = told
    return list(studies.values())


def look(wire: Archive, told: dict[str, Any]) -> Found | None:
    """A study as it is now, or None: it is away, or another one has its UID."""
    try:
        one = found.study(wire, told)
    except MissingError:
        return None  # deleted while it was looked at; the sweep finds that
    if not one.uid:
        _log.warning("the archive's study %s has no Study Instance UID", one.archive_id)
        return None
    twin = Study.objects.filter(uid=one.uid, gone=False).exclude(archive_id=one.archive_id).first()
    if twin is None or not there(wire, f"/studies/{twin.archive_id}"):
        return one  # the patient's ID was corrected, say: the reports go with it
    # Two patients with one UID: a list that went from one to the other would mix their reports.
    _log.warning("the archive has two studies %s: %s is not listed", one.uid, one.archive_id)
    return None


def there(wire: Archive, path: str) -> bool:
    """Whether the archive has it."""
    try:
        wire.get(path)
    except MissingError:
        return False
    return True


def keep(one: Found) -> None:
    """Write what was found; a study that the database refuses keeps no other out."""
    try:
        with transaction.atomic():
            row = _study(one)
            Series.objects.filter(study=row).exclude(
                archive_id__in=[part.archive_id for part in one.parts]
            ).delete()
            for part in one.parts:
                _series(row, part)
    except DatabaseError:
        _log.exception("the study %s cannot be listed", one.uid)


def _study(one: Found) -> Study:
    rows = Study.objects.filter
    row = rows(archive_id=one.archive_id).first() or rows(uid=one.uid).first() or Study()
    latin, han = names.groups(text(one.tags, "PatientName", 400))
    sex = text(one.tags, "PatientSex", 1)
    row.uid, row.archive_id, row.gone = one.uid, one.archive_id, False
    row.patient_id = text(one.tags, "PatientID", 64)
    row.patient_name, row.patient_name_han = latin[:200], han[:200]
    row.birth_date = attributes.day(one.tags, "PatientBirthDate")
    row.sex = sex if sex in ("M", "F", "O") else ""
    row.when = attributes.moment(one.tags, settings.CONFIG.time_zone)
    row.accession = text(one.tags, "AccessionNumber", 16)
    row.description = text(one.tags, "StudyDescription", 200) or _of_series(one)
    row.device = one.device
    row.modalities = "\\".join(sorted({part.modality for part in one.parts}))[:64]
    row.images, row.revision = one.images, one.revision
    row.save()
    return row


def _of_series(one: Found) -> str:
    """What a camera calls the acquisition, where it has no name for the study."""
    said = [text(part.tags, "SeriesDescription", 200) for part in one.parts]
    return next((each for each in said if each), "")


def _series(study: Study, part: Part) -> None:
    row, _made = Series.objects.update_or_create(
        archive_id=part.archive_id,
        defaults={
            "study": study,
            "uid": text(part.tags, "SeriesInstanceUID", 64),
            "number": number(part.tags, "SeriesNumber"),
            "description": text(part.tags, "SeriesDescription", 200),
            "modality": part.modality,
        },
    )
    row.images.exclude(archive_id__in=part.instances).delete()
    # An object's UID that is there twice, in two patients' studies, is listed once.
    Image.objects.bulk_create(
        [
            Image(
                series=row,
                uid=text(each.tags, "SOPInstanceUID", 64),
                archive_id=each.archive_id,
                number=number(each.tags, "InstanceNumber"),
                kind=found.kind(each.tags),
                frames=found.frames(each.tags),
                rows=positive(each.tags, "Rows"),
                columns=positive(each.tags, "Columns"),
            )
            for each in part.new
        ],
        ignore_conflicts=True,
    )
