"""The front page, the reading list, and the page of a study."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from reports.people.gate import for_administrators
from reports.studies import access, follow, listing
from reports.studies.access import break_glass, open_study
from reports.studies.models import Restricted, Status, Study
from reports.trail.record import record

SILENT = timedelta(minutes=1)
"""Without a word from the archive for so long, a page says so."""
REASON = 10
"""Characters that a reason has at least."""


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """How the department is: the archive, what waits, who sent something today."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    every = Study.objects.filter(gone=False)
    counts = {each["status"]: each["n"] for each in every.values("status").annotate(n=Count("id"))}
    devices = every.exclude(device="").values("device").annotate(last=Max("seen_at"))
    about = {
        "archive": archive_state(),
        "counts": [(each.label, each.value, counts.get(each.value, 0)) for each in Status],
        "total": sum(counts.values()),
        "devices": devices.filter(seen_at__gte=today).order_by("device"),
        "box": box_state(),
    }
    return render(request, "studies/front.html", about)


def archive_state() -> dict[str, Any]:
    """When the archive was last heard, and what was wrong."""
    place = follow.position()
    quiet = not place.last or timezone.now() - place.at > SILENT
    return {"at": place.at, "error": place.error, "quiet": quiet and not place.error}


def box_state() -> dict[str, Any]:
    """The box's own words (``status`` of the configuration); nothing where there are none."""
    try:
        told = json.loads(Path(settings.CONFIG.status).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


@require_safe
def studies(request: HttpRequest) -> HttpResponse:
    """The reading list; ``?rows`` are its rows alone, for a page that is open."""
    asked = listing.Asked.of(request.GET)
    about = {
        "page": listing.page(asked),
        "asked": asked,
        "archive": archive_state(),
        "statuses": Status.choices,
        "columns": _columns(asked),
        "opened": {each for each in _restricted() if access.is_broken(request, each)},
    }
    if "rows" in request.GET:
        return render(request, "studies/rows.html", about)
    if asked.patient or asked.patient_id:
        record(request, "search", patient=asked.patient, patient_id=asked.patient_id)
    devices = Study.objects.exclude(device="").order_by("device").values_list("device", flat=True)
    return render(request, "studies/list.html", {**about, "devices": devices.distinct()})


def _restricted() -> list[str]:
    return list(Restricted.objects.values_list("patient_id", flat=True))


def _columns(asked: listing.Asked) -> list[tuple[str, str, str]]:
    """Heading, the address that sorts by it, and ``aria-sort``."""
    heads = {
        "date": _("Date"),
        "patient": _("Patient"),
        "id": _("ID"),
        "": _("Examination"),
        "device": _("Device"),
        "status": _("Report"),
    }
    found = []
    for key, head in heads.items():
        now = {key: "ascending", f"-{key}": "descending"}.get(asked.sort, "none") if key else ""
        other = f"-{key}" if now == "ascending" else key
        found.append((head, asked.query(sort=other, page="") if key else "", now))
    return found


@require_safe
def study(request: HttpRequest, uid: str) -> HttpResponse:
    """A study: whose it is, its images, its reports."""
    found = open_study(request, uid)
    record(request, "view", found)
    others = Study.objects.filter(patient_id=found.patient_id, gone=False).exclude(pk=found.pk)
    about = {
        "study": found,
        "others": others.order_by("-when")[:50] if found.patient_id else [],
        "restricted": access.is_restricted(found.patient_id),
        "archive": archive_state(),
    }
    return render(request, "studies/study.html", about)


@require_safe
def revision(request: HttpRequest, uid: str) -> JsonResponse:
    """For a page that is open: whether the study is still what it shows."""
    found = open_study(request, uid)
    return JsonResponse({"revision": found.revision, "images": found.images, "gone": found.gone})


@require_POST
def glass(request: HttpRequest, uid: str) -> HttpResponse:
    """Somebody says why he has to see a restricted patient."""
    found = Study.objects.filter(uid=uid).first()
    if found is None:
        raise Http404(uid)
    reason = " ".join(request.POST.get("reason", "").replace("\0", "").split())[:300]
    if len(reason) < REASON:
        about = {"study": found, "error": _("Say why, in ten letters at least."), "reason": reason}
        return render(request, "studies/glass.html", about, status=400)
    record(request, "break-glass", found, reason=reason)
    break_glass(request, found.patient_id)
    return redirect("study", uid=uid)


@require_POST
@for_administrators
def restrict(request: HttpRequest, uid: str) -> HttpResponse:
    """An administrator restricts a patient, or no longer."""
    found = open_study(request, uid)
    if not found.patient_id:
        messages.error(request, _("A patient without an ID cannot be restricted."))
        return redirect("study", uid=uid)
    if "lift" in request.POST:
        Restricted.objects.filter(patient_id=found.patient_id).delete()
        record(request, "restrict", found, lifted=True)
        return redirect("study", uid=uid)
    reason = " ".join(request.POST.get("reason", "").replace("\0", "").split())[:200]
    if not reason:
        messages.error(request, _("Say why this patient is to be restricted."))
        return redirect("study", uid=uid)
    Restricted.objects.get_or_create(patient_id=found.patient_id, defaults={"reason": reason})
    record(request, "restrict", found, reason=reason)
    break_glass(request, found.patient_id)  # he has just said why
    return redirect("study", uid=uid)
