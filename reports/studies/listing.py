"""The reading list: what somebody asks for, and a page of it, from this site's own tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from reports.studies.dicom import day
from reports.studies.models import Restricted, Status, Study

PAGE = 50
SORTS = {
    "date": ("when", "id"),
    "patient": ("patient_name", "id"),
    "id": ("patient_id", "id"),
    "device": ("device", "id"),
    "status": ("status", "id"),
}
KEYS = ("since", "until", "patient", "id", "device", "status", "sort", "page")


@dataclass(frozen=True)
class Asked:
    """What stands in the address; what makes no sense there is as if it were not."""

    since: date | None = None
    until: date | None = None
    patient: str = ""
    patient_id: str = ""
    device: str = ""
    status: str = ""
    sort: str = "-date"
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict) -> Asked:
        """From a request's query."""
        told = {key: query.get(key, "").replace("\0", "").strip()[:200] for key in KEYS}
        sort = told["sort"] if told["sort"].removeprefix("-") in SORTS else "-date"
        return cls(
            since=day(told["since"].replace("-", "")),
            until=day(told["until"].replace("-", "")),
            patient=told["patient"],
            patient_id=told["id"],
            device=told["device"],
            status=told["status"] if told["status"] in Status.values else "",
            sort=sort,
            page=max(1, int(told["page"]))
            if told["page"].isdecimal() and len(told["page"]) < 7
            else 1,
        )

    def query(self, **other: object) -> str:
        """The address of the same list with something else in it."""
        told = {
            "since": self.since or "",
            "until": self.until or "",
            "patient": self.patient,
            "id": self.patient_id,
            "device": self.device,
            "status": self.status,
            "sort": self.sort,
            "page": self.page,
            **other,
        }
        return "?" + urlencode({key: value for key, value in told.items() if value})


@dataclass(frozen=True)
class Page:
    """Some rows of the list."""

    asked: Asked
    studies: list[Study]
    total: int
    hidden: frozenset[str]
    """Patients that are restricted: their names are not in a list."""

    @property
    def pages(self) -> int:
        """How many there are."""
        return max(1, -(-self.total // PAGE))

    @property
    def before(self) -> str:
        """The address of the page before."""
        return self.asked.query(page=self.asked.page - 1) if self.asked.page > 1 else ""

    @property
    def after(self) -> str:
        """The address of the next page."""
        return self.asked.query(page=self.asked.page + 1) if self.asked.page < self.pages else ""


def found(asked: Asked) -> QuerySet[Study]:
    """All that fits, in order."""
    studies = Study.objects.filter(gone=False)
    if asked.since:
        studies = studies.filter(when__date__gte=asked.since)
    if asked.until:
        studies = studies.filter(when__date__lt=asked.until + timedelta(days=1))
    if asked.patient:
        studies = studies.filter(named(asked.patient))
    if asked.patient_id:
        studies = studies.filter(patient_id__startswith=asked.patient_id)
    if asked.device:
        studies = studies.filter(device=asked.device)
    if asked.status:
        studies = studies.filter(status=asked.status)
    first, second = SORTS[asked.sort.removeprefix("-")]
    back = "-" if asked.sort.startswith("-") else ""
    return studies.order_by(back + first, back + second)


def named(words: str) -> Q:
    """Whose name has every word, in either script, however a comma or ``^`` parts them."""
    # Not of the restricted: whom a name finds would be told by the row.
    terms = ~Q(patient_id__in=Restricted.objects.values("patient_id"))
    for word in words.replace(",", " ").replace("^", " ").split():
        terms &= Q(patient_name__icontains=word) | Q(patient_name_han__contains=word)
    return terms


def page(asked: Asked) -> Page:
    """The rows that are asked for."""
    every = found(asked)
    total = every.count()
    first = (min(asked.page, max(1, -(-total // PAGE))) - 1) * PAGE
    hidden = frozenset(Restricted.objects.values_list("patient_id", flat=True))
    return Page(asked, list(every[first : first + PAGE]), total, hidden)
