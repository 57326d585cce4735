"""Signing: a version is what was on the screen, with a digest over it and the one before.

The digests make one chain over all reports, in the order in which they were signed, and the audit
trail notes each: a version that somebody changed, or took out of the database, shows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reports.people.models import Person
from reports.studies.models import Study
from reports.trail.models import Event
from reports.trail.record import record
from reports.writing import content
from reports.writing.drafts import account, settle
from reports.writing.models import Draft, Report, Sent, Stage, Version
from reports.writing.template import examinations

_LOCK = 7214  # reports/trail has 7213
BLANK = re.compile(r"_{3,}")


class SignError(Exception):
    """It was not signed; ``str`` of it says why and what to do."""


@dataclass(frozen=True)
class Seen:
    """What was on the screen of who signs."""

    revision: int
    """The draft's."""
    study: str
    """The study's (Study.revision)."""


def canonical(told: Any) -> bytes:
    """JSON in the one form that has the same bytes each time."""
    return json.dumps(
        told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def digest(version: Version) -> str:
    """SHA-256 over everything that a version says."""
    told = {
        "report": version.report_id,
        "number": version.number,
        "stage": version.stage,
        "content": version.content,
        "study_revision": version.study_revision,
        "signed_by": version.signed_by.username,
        "signed_name": version.signed_name,
        "signed_at": version.signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "previous": version.previous,
    }
    return hashlib.sha256(canonical(told)).hexdigest()


def _about(study: Study) -> dict[str, Any]:
    """Patient and study as they stood on the screen; both may be corrected later."""
    return {
        "patient": {
            "id": study.patient_id,
            "name": study.patient_name,
            "name_han": study.patient_name_han,
            "birth_date": study.birth_date.isoformat() if study.birth_date else "",
            "sex": study.sex,
        },
        "study": {
            "uid": study.uid,
            "when": timezone.localtime(study.when).isoformat() if study.when else "",
            "accession": study.accession,
            "description": study.description,
            "device": study.device,
            "modalities": study.modalities,
        },
    }


def compose(report: Report, draft: Draft) -> dict[str, Any]:
    """What a version of this draft would say: nothing in it depends on what changes later."""
    known = examinations()
    title = known.get(report.template, known["general"]).title
    kept: dict[str, str] = draft.content.get("sections", {})
    return {
        "examination": {"key": report.template, "en": title.en, "zh-hant": title.zh_hant},
        "language": report.language,
        **_about(report.study),
        "sections": [
            {
                "key": section.key,
                "heading": section.heading,
                "title": {"en": section.title.en, "zh-hant": section.title.zh_hant},
                "text": kept[section.key],
            }
            for section in content.sections_of(report)
            if kept.get(section.key)
        ],
        "key_images": draft.content.get("key_images", []),
    }


def stages(report: Report) -> list[Stage]:
    """What may be signed next."""
    if content.signed(report):
        return [Stage.ADDENDUM]
    return [Stage.FINAL, Stage.PRELIMINARY]


def hindrances(said: dict[str, Any], stage: str) -> Iterator[str]:
    """Why a text cannot be signed as it is."""
    if not said["sections"]:
        yield _("Nothing is written yet.")
    language = "zh-hant" if get_language() == "zh-hant" else "en"
    headings = {section["heading"] for section in said["sections"]}
    if stage == Stage.FINAL and "impression" not in headings:
        yield _("A final report needs an impression.")
    for section in said["sections"]:
        if BLANK.search(section["text"]):
            yield (
                _("“%(section)s” still has a blank (___) to be filled in.")
                % {"section": section["title"][language]}
            )


def signature(person: Person) -> str:
    """The name as it stands under a report, in both scripts, with the licence."""
    names = " ".join(part for part in (person.name or person.username, person.name_han) if part)
    return (f"{names}, {person.licence}" if person.licence else names)[:128]


def _check(report: Report, draft: Draft, seen: Seen, stage: str) -> dict[str, Any]:
    if draft.revision != seen.revision:
        raise SignError(_("The draft went on after this page was opened. Read it again and sign."))
    if report.study.revision != seen.study:
        raise SignError(
            _("The study changed in the archive meanwhile. Look at its images again, then sign.")
        )
    if stage not in stages(report):
        raise SignError(_("A report that is final gets addenda; load the page again."))
    said = compose(report, draft)
    if why := next(hindrances(said, stage), ""):
        raise SignError(why)
    return said


def sign(request: HttpRequest, report: Report, stage: str, seen: Seen) -> Version:
    """Make a version of the draft; who signs has just confirmed who he is. Raises SignError."""
    author = account(request)
    with transaction.atomic():
        with connection.cursor() as cursor:  # one at a time: two must not follow the same one
            cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        report.study = Study.objects.select_for_update().get(pk=report.study_id)
        draft = Draft.objects.select_for_update().filter(report=report, author=author).first()
        if draft is None:
            raise SignError(_("This draft is not yours (any more): load the page again."))
        said = _check(report, draft, seen, stage)
        last = Version.objects.order_by("-pk").first()
        version = Version(
            report=report,
            number=report.versions.count() + 1,
            stage=stage,
            content=said,
            study_revision=report.study.revision,
            signed_by=author,
            signed_name=signature(author),
            signed_at=timezone.now(),
            previous=last.digest if last else "",
        )
        version.digest = digest(version)
        version.save(force_insert=True)
        version.refresh_from_db()
        if digest(version) != version.digest:  # the database gives back something else
            raise SignError(_("The database changed the text; it was not signed."))
        draft.delete()
        settle(report.study)
        if settings.CONFIG.archive_store and stage != Stage.PRELIMINARY:
            for way in ("pdf-archive", "sr-archive"):
                Sent.objects.create(version=version, way=way)
        record(
            request,
            "sign",
            report.study,
            report=report.pk,
            version=version.number,
            stage=stage,
            digest=version.digest,
        )
    return version


def check() -> Iterator[str]:
    """What is wrong with the signed versions, the first first."""
    before = ""
    known = set()
    for version in Version.objects.select_related("signed_by").order_by("pk").iterator():
        where = f"report {version.report_id}, version {version.number}"
        if digest(version) != version.digest:
            yield f"{where}: its text is not what was signed"
        if version.previous != before:
            yield f"{where}: one that was signed before it is missing or was put in"
        before = version.digest
        known.add(version.digest)
    for event in Event.objects.filter(action="sign", outcome="success").order_by("pk").iterator():
        if event.detail.get("digest") not in known:
            told = f"report {event.detail.get('report')}, version {event.detail.get('version')}"
            yield f"{told}: the trail says it was signed by {event.person}, and it is not there"
