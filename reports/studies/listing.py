"""What the reading list shows, out of the site's own tables alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import Case, F, OrderBy, QuerySet, Value, When
from django.utils import timezone

from reports.studies import names
from reports.studies.models import Status, Study

PAGE = 50
SORTS = {
    "when": "when",
    "patient": "patient_name",
    "id": "patient_id",
    "born": "birth_date",
    "examination": "description",
    "device": "device",
    "images": "images",
    "status": "status",
}
TELLING = frozenset({"patient", "id", "born"})
"""Orders that would place a restricted patient among the others."""


@dataclass(frozen=True)
class Asked:
    """The filters and the order of a list; what cannot be understood is as if not asked."""

    since: date | None = None
    until: date | None = None
    patient: str = ""
    number: str = ""
    device: str = ""
    status: str = ""
    sort: str = "-when"
    page: int = 1

    @property
    def filtered(self) -> bool:
        """Whether it is more than the plain list."""
        whole = Asked(sort=self.sort, page=self.page)
        return self != whole

    def query(self, **other: object) -> str:
        """As an address has it, with something else in it."""
        told = {
            "from": self.since,
            "to": self.until,
            "patient": self.patient,
            "id": self.number,
            "device": self.device,
            "status": self.status,
            "sort": self.sort if self.sort != "-when" else "",
            "page": self.page if self.page > 1 else "",
            **other,
        }
        return urlencode({name: value for name, value in told.items() if value})


def asked(query: Mapping[str, str]) -> Asked:
    """From the address."""

    def text(name: str) -> str:
        return query.get(name, "").replace("\0", "").strip()[:64]

    sort, page = text("sort"), text("page")
    status = text("status")
    return Asked(
        since=_day(text("from")),
        until=_day(text("to")),
        patient=text("patient"),
        number=text("id"),
        device=text("device"),
        status=status if status in {*Status.values, "open"} else "",
        sort=sort if sort.removeprefix("-") in SORTS else "-when",
        page=min(int(page), 10**6) if page.isascii() and page.isdigit() and int(page) else 1,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def found(what: Asked, closed: frozenset[str]) -> QuerySet[Study]:
    """The studies, in order. What is closed is found by nothing that tells whose it is."""
    rows = Study.objects.filter(gone=False)
    if what.since:
        rows = rows.filter(when__gte=_midnight(what.since))
    if what.until:
        rows = rows.filter(when__lt=_midnight(what.until) + timedelta(days=1))
    for word in names.words(what.patient):
        rows = rows.filter(search__contains=f" {word}")
    if what.number:
        rows = rows.filter(patient_id__istartswith=what.number)
    if closed and (what.patient or what.number):
        rows = rows.exclude(patient_id__in=closed)
    if what.device:
        rows = rows.filter(device=what.device)
    if what.status == "open":
        rows = rows.exclude(status__in=[Status.FINAL, Status.ADDENDUM])
    elif what.status:
        rows = rows.filter(status=what.status)
    return _ordered(rows, what.sort, closed)


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), timezone.get_default_timezone())


def _ordered(rows: QuerySet[Study], sort: str, closed: frozenset[str]) -> QuerySet[Study]:
    down, name = sort.startswith("-"), sort.removeprefix("-")
    order = [OrderBy(F(SORTS[name]), descending=down, nulls_last=True)]
    if name != "when":
        order.append(F("when").desc(nulls_last=True))
    order.append(F("id").desc())
    if closed and name in TELLING:
        hidden = Case(When(patient_id__in=closed, then=Value(1)), default=Value(0))
        return rows.order_by(hidden, *order)
    return rows.order_by(*order)
