"""Drafts: one a report, one author at a time, and no save over what it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from reports.people.models import Person
from reports.studies.models import Status, Study
from reports.trail.record import record
from reports.writing import content
from reports.writing.models import Draft, Report, Stage, Version


def account(request: HttpRequest) -> Person:
    """Who asks; the gate lets nobody pass who is not logged in."""
    assert isinstance(request.user, Person)  # noqa: S101 - for the types
    return request.user


@dataclass(frozen=True)
class StaleError(Exception):
    """Somebody, or the same one in another window, went on writing meanwhile."""

    draft: Draft | None
    """What is kept now; none when it was signed or thrown away."""


def settle(study: Study) -> None:
    """Bring the study's status to what its reports say (Study.status)."""
    stages = set(Version.objects.filter(report__study=study).values_list("stage", flat=True))
    status = Status.UNREAD
    if Stage.ADDENDUM in stages:
        status = Status.ADDENDUM
    elif Stage.FINAL in stages:
        status = Status.FINAL
    elif Stage.PRELIMINARY in stages:
        status = Status.PRELIMINARY
    elif Draft.objects.filter(report__study=study).exists():
        status = Status.DRAFT
    Study.objects.filter(pk=study.pk).exclude(status=status).update(status=status)


def _first(report: Report) -> dict[str, Any]:
    """What the next version starts from: the preliminary's text, or nothing."""
    last = report.versions.last()
    if last is None or last.stage != Stage.PRELIMINARY:
        return {"sections": {}, "key_images": []}
    texts = {section["key"]: section["text"] for section in last.content["sections"]}
    return {"sections": texts, "key_images": last.content["key_images"]}


def start(request: HttpRequest, study: Study, template: str, language: str) -> Report:
    """A new report of an examination; the one that there is, also if two begin it at once."""
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        if found := Report.objects.filter(study=study, template=template).first():
            return found
        author = account(request)
        report = Report.objects.create(
            study=study, template=template, language=language, begun_by=author
        )
        Draft.objects.create(report=report, author=author, content=_first(report))
        settle(study)
        record(request, "draft", study, report=report.pk, begun=True)
    return report


def proceed(request: HttpRequest, report: Report) -> Draft:
    """The draft of the next version: a new one, or the one that there is."""
    with transaction.atomic():
        Report.objects.select_for_update().get(pk=report.pk)
        found = Draft.objects.filter(report=report).first()
        if found:
            return found
        draft = Draft.objects.create(report=report, author=account(request), content=_first(report))
        settle(report.study)
        record(request, "draft", report.study, report=report.pk, begun=True)
    return draft


def take(request: HttpRequest, draft: Draft) -> None:
    """Go on in somebody else's place; it is recorded from whom."""
    with transaction.atomic():
        kept = Draft.objects.select_for_update().select_related("author").get(pk=draft.pk)
        before, kept.author = kept.author, account(request)
        if before == kept.author:
            return
        kept.since = timezone.now()
        kept.revision += 1  # what the other one still has on the screen began from an older one
        kept.save(update_fields=["author", "since", "revision"])
        record(
            request, "draft", draft.report.study, report=draft.report_id, taken_from=before.username
        )


def save(request: HttpRequest, draft: Draft, revision: int, told: dict[str, Any]) -> Draft:
    """Keep what was written. Raises StaleError, content.ContentError."""
    report = draft.report
    kept = {
        "sections": content.sections(told.get("sections"), content.sections_of(report)),
        "key_images": content.key_images(told.get("key_images"), report.study),
    }
    now = timezone.now()
    mine = Draft.objects.filter(pk=draft.pk, author=account(request), revision=revision)
    with transaction.atomic():
        if not mine.update(content=kept, revision=revision + 1, saved_at=now):
            raise StaleError(Draft.objects.select_related("author").filter(pk=draft.pk).first())
        # Every few seconds is a save, once a minute an entry of the trail.
        if revision == 0 or draft.saved_at.replace(second=0, microsecond=0) != now.replace(
            second=0, microsecond=0
        ):
            record(request, "draft", report.study, report=report.pk, revision=revision + 1)
    draft.content, draft.revision, draft.saved_at = kept, revision + 1, now
    return draft


def drop(request: HttpRequest, draft: Draft, revision: int) -> None:
    """Throw one's own draft away; a report that nothing was signed of goes with it.

    Raises StaleError.
    """
    report = draft.report
    with transaction.atomic():
        mine = Draft.objects.filter(pk=draft.pk, author=account(request), revision=revision)
        if not mine.delete()[0]:
            raise StaleError(Draft.objects.select_related("author").filter(pk=draft.pk).first())
        record(request, "draft", report.study, report=report.pk, dropped=True)
        if not report.versions.exists():
            report.delete()
        settle(report.study)
