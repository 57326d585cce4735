"""What the study's page asks of this room: its panel, and small things of its own pages."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template

from reports.studies.models import Study
from reports.writing.desk import desk, earlier, likely
from reports.writing.drafts import account
from reports.writing.models import Report, Version
from reports.writing.template import Both, examinations

register = template.Library()


@register.simple_tag(takes_context=True)
def writing_panel(context: dict[str, Any], study: Study) -> dict[str, Any]:
    """The reports of a study, for who looks at it."""
    request = context["request"]
    desks = [desk(request, each) for each in Report.objects.filter(study=study).order_by("pk")]
    taken = {each.report.template for each in desks}
    free = [each for key, each in examinations().items() if key not in taken]
    return {
        "desks": [each for each in desks if each.versions or each.draft],
        "may": account(request).reports,
        "examinations": free,
        "likely": likely(study),
        "earlier": earlier(study),
    }


@register.filter
def within(text: Both | dict[str, str], language: str) -> str:
    """A text of two languages in one of them."""
    if isinstance(text, Both):
        return text.within(language)
    return text.get("zh-hant" if language == "zh-hant" else "en", "")


@register.filter
def other(text: Both | dict[str, str], language: str) -> str:
    """The same in the other one."""
    return within(text, "en" if language == "zh-hant" else "zh-hant")


@register.filter
def named(name: str) -> str:
    """A name of DICOM's (``Lin^Mei``) as people write it."""
    return " ".join(part for part in name.split("^") if part)


@register.filter
def moment(text: str) -> datetime | None:
    """A time as a version keeps it."""
    return datetime.fromisoformat(text) if text else None


@register.filter
def as_json(value: Any) -> str:
    """For a ``data-`` attribute, which the template escapes."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def before(version: Version) -> int:
    """The number of the version before, 0 for the first."""
    return version.number - 1
