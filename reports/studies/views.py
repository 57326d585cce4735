"""The front page, the reading list, the page of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from reports.studies import department
from reports.studies.access import RestrictedError, closed, open_study
from reports.studies.listing import PAGE, asked, found
from reports.studies.models import Restricted, Status, Study
from reports.studies.quiet import quiet
from reports.trail.record import record

OTHERS = 50
COLUMNS = (
    ("when", _("Date")),
    ("patient", _("Patient")),
    ("id", _("ID")),
    ("born", _("Born")),
    ("examination", _("Examination")),
    ("device", _("Device")),
    ("images", _("Images")),
    ("status", _("Status")),
)


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """What somebody sees first."""
    counts = department.counts()
    told = {
        "archive": department.archive_state(),
        "counts": counts,
        "total": sum(many for _value, _label, many in counts),
        "today": department.today()[0].date(),
        "devices": department.devices(),
        "box": department.box(),
        "sheets": settings.CONFIG.sheets,
    }
    return render(request, "studies/front.html", told)


@require_safe
def sheet(_request: HttpRequest, device: str) -> HttpResponse:
    """A device's sheet for technicians, as the box has it. No patient is in it: no trail."""
    if device not in settings.CONFIG.sheets:  # nothing else ever becomes the name of a file
        raise Http404
    file = Path(settings.CONFIG.sheets_folder, f"{device}.{get_language()}.html")
    try:
        return HttpResponse(file.read_bytes())
    except OSError:
        raise Http404 from None


@require_safe
def studies(request: HttpRequest) -> HttpResponse:
    """The reading list."""
    told = _listed(request)
    what = told["asked"]
    if what.filtered:
        record(request, "search", query=what.query())
    devices = Study.objects.filter(gone=False).exclude(device="").order_by("device")
    told |= {
        "archive": department.archive_state(),
        "statuses": Status.choices,
        "devices": devices.values_list("device", flat=True).distinct(),
    }
    return render(request, "studies/list.html", told)


@require_safe
@quiet
def rows(request: HttpRequest) -> HttpResponse:
    """The list's table alone: what its page asks for by itself every 20 seconds."""
    return render(request, "studies/table.html", _listed(request))


def _listed(request: HttpRequest) -> dict[str, Any]:
    what, hidden = asked(request.GET), closed(request)
    page = Paginator(found(what, hidden), PAGE).get_page(what.page)
    shown = list(page.object_list)
    for study in shown:
        study.hidden = study.patient_id in hidden  # type: ignore[attr-defined]
    columns = [_column(name, label, what) for name, label in COLUMNS]
    return {"asked": what, "page": page, "shown": shown, "columns": columns}


def _column(name: str, label: object, what: Any) -> dict[str, object]:
    """A heading: where it leads, and what it says about the order that there is."""
    current = {name: "ascending", f"-{name}": "descending"}.get(what.sort, "")
    first, other = (f"-{name}", name) if name in ("when", "images") else (name, f"-{name}")
    sort = other if what.sort == first else first
    return {
        "name": name,
        "label": label,
        "current": current,
        "query": what.query(sort=sort, page=""),
    }


@require_safe
def study(request: HttpRequest, uid: str) -> HttpResponse:
    """A study: whose it is, its images, its reports; ``?with=UID`` puts an earlier one beside."""
    opened = open_study(request, uid)
    others = Study.objects.filter(patient_id=opened.patient_id).exclude(pk=opened.pk)
    others = others.order_by("-when", "-id") if opened.patient_id else others.none()
    beside = others.filter(uid=request.GET["with"]).first() if request.GET.get("with") else None
    if request.GET.get("with") and beside is None:
        raise Http404  # of another patient, or of nobody
    told = {"study": opened, "others": others[:OTHERS], "beside": beside}
    noted: dict[str, Any] = {"with": beside.uid} if beside else {}
    if Restricted.objects.filter(patient_id=opened.patient_id).exists():
        noted["restricted"] = True
    record(request, "view", opened, **noted)
    return render(request, "studies/study.html", told)


@require_safe
@quiet
def state(request: HttpRequest, uid: str) -> JsonResponse:
    """What the study is now: an open page asks whether what it shows is old."""
    try:
        now = open_study(request, uid)
    except RestrictedError:  # the hour is over; the page that asks why is for people
        return JsonResponse({}, status=403)
    return JsonResponse({"revision": now.revision, "images": now.images, "gone": now.gone})
