"""Filters of the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from reports.studies.listing import Asked
from reports.studies.models import Status, Study
from reports.studies.names import shown

register = template.Library()


@register.filter
def person(name: str) -> str:
    """A DICOM name as people write it."""
    return shown(name)


@dataclass(frozen=True)
class Moment:
    """A time on the box's own clock, ready to be shown."""

    iso: str
    day: str
    clock: str


@register.filter
def moment(when: datetime | None) -> Moment | None:
    """Worked out once: the filter ``date`` looks for the time zone anew each time it is used."""
    if when is None:
        return None
    local = timezone.localtime(when)
    return Moment(local.isoformat(), f"{local:%Y-%m-%d}", f"{local:%H:%M}")


@register.filter
def age(study: Study) -> int | None:
    """In years, on the day of the study."""
    born = study.birth_date
    on = timezone.localdate(study.when) if study.when else date.today()
    if born is None or born > on:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@register.filter
def called(status: str) -> str:
    """What a status is called."""
    return str(Status(status).label)


@register.filter
def size(count: int | None) -> str:
    """Bytes, for people."""
    return filesizeformat(count) if count is not None else ""


@register.simple_tag
def page_query(asked: Asked, number: int) -> str:
    """The same list, another page of it."""
    return asked.query(page=number)
