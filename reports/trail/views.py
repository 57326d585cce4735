"""Reading and taking along what was done; that is recorded, too."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reports.people.gate import for_administrators
from reports.trail import atna
from reports.trail.models import Event
from reports.trail.record import record

PAGE = 100
HEADS = ("at", "action", "outcome", "person", "address", "patient_id", "study", "detail", "digest")
FILTERS = ("since", "until", "action", "person", "patient_id")


class _Line:
    """What csv writes to: gives each line back."""

    def write(self, line: str) -> str:
        return line


def _asked(request: HttpRequest) -> dict[str, str]:
    every = request.POST if request.method == "POST" else request.GET
    return {key: every.get(key, "").strip()[:150] for key in FILTERS}


def found(asked: dict[str, str]) -> QuerySet[Event]:
    """What fits, the newest first."""
    events = Event.objects.order_by("-id")
    if day := _day(asked["since"]):
        events = events.filter(at__gte=_midnight(day))
    if day := _day(asked["until"]):
        events = events.filter(at__lt=_midnight(day + timedelta(days=1)))
    same = {key: asked[key] for key in ("action", "person", "patient_id") if asked[key]}
    return events.filter(**same)


def _day(told: str) -> date | None:
    try:
        return date.fromisoformat(told)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@require_GET
@for_administrators
def trail(request: HttpRequest) -> HttpResponse:
    """A page of it."""
    asked = _asked(request)
    page = Paginator(found(asked), PAGE).get_page(request.GET.get("page", "1"))
    record(request, "trail-read", asked={key: value for key, value in asked.items() if value})
    actions = Event.objects.order_by("action").values_list("action", flat=True).distinct()
    return render(request, "trail/trail.html", {"page": page, "asked": asked, "actions": actions})


@require_POST
@for_administrators
def export(request: HttpRequest) -> HttpResponseBase:
    """What fits, as CSV or as audit messages."""
    asked, form = _asked(request), "xml" if request.POST.get("form") == "xml" else "csv"
    told = {key: value for key, value in asked.items() if value}
    record(request, "trail-export", form=form, asked=told)
    events = found(asked).order_by("id")
    name = f"audit-{timezone.localdate().isoformat()}.{form}"
    body: Iterator[str] | Iterator[bytes] = (
        atna.document(events.iterator(500), settings.CONFIG.site)
        if form == "xml"
        else _lines(events)
    )
    kind = "application/xml" if form == "xml" else "text/csv; charset=utf-8"
    answer = StreamingHttpResponse(body, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(events: QuerySet[Event]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(HEADS)
    for event in events.iterator(500):
        told = json.dumps(event.detail, ensure_ascii=False)
        row = [event.at.isoformat(), *(getattr(event, key) for key in HEADS[1:-2]), told]
        yield writer.writerow([*map(_harmless, row), event.digest])


def _harmless(text: str) -> str:
    """No formula, whatever somebody gave as his name (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
