"""What the pages of a report show: the versions, who is writing, what was said before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from reports.studies.models import Study
from reports.writing import content
from reports.writing.drafts import account
from reports.writing.models import Draft, Report, Version
from reports.writing.template import Both, Examination, Section, examinations


@dataclass(frozen=True)
class Field:
    """A section with what stands in it."""

    section: Section
    text: str
    normal: str
    """In the report's language."""


@dataclass(frozen=True)
class Desk:
    """A report with its draft, for one person."""

    report: Report
    title: Both
    versions: tuple[Version, ...]
    draft: Draft | None
    mine: bool
    """Whether he who looks writes the draft."""
    fields: tuple[Field, ...]
    images: str
    """The draft's key images, as JSON for the editor."""

    @property
    def last(self) -> Version | None:
        """What counts now."""
        return self.versions[-1] if self.versions else None

    @property
    def signed(self) -> bool:
        """Whether only addenda may follow."""
        return content.signed(self.report)


def _fields(report: Report, draft: Draft) -> tuple[Field, ...]:
    texts: dict[str, Any] = draft.content.get("sections", {})
    return tuple(
        Field(section, texts.get(section.key, ""), section.normal.within(report.language))
        for section in content.sections_of(report)
    )


def desk(request: HttpRequest, report: Report) -> Desk:
    """Of one report. Who does not report sees what was signed, and no draft."""
    known = examinations()
    person = account(request)
    draft = None
    if person.reports:
        draft = Draft.objects.select_related("author").filter(report=report).first()
    return Desk(
        report=report,
        title=known.get(report.template, known["general"]).title,
        versions=tuple(report.versions.select_related("signed_by")),
        draft=draft,
        mine=draft is not None and draft.author_id == person.pk,
        fields=_fields(report, draft) if draft else (),
        images=json.dumps(draft.content.get("key_images", []) if draft else []),
    )


def earlier(study: Study) -> tuple[Version, ...]:
    """What was last said of the patient's earlier studies, the latest first."""
    if not study.patient_id or not study.when:
        return ()
    before = Report.objects.filter(
        study__patient_id=study.patient_id, study__when__lt=study.when
    ).order_by("-study__when", "-pk")
    found = (report.versions.select_related("report__study").last() for report in before[:5])
    return tuple(version for version in found if version)


def likely(study: Study) -> Examination:
    """The examination that a study's description names; the general one if it names none."""
    said = study.description.lower()
    for each in examinations().values():
        words = {each.key, each.title.zh_hant[:2], *each.title.en.lower().split()[:1]}
        if any(word in said for word in words):
            return each
    return examinations()["general"]
