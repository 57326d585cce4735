"""Break glass, and whose studies ask for it."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from reports.people.gate import for_administrators
from reports.studies.access import LONGEST, SHORTEST, ask, break_glass
from reports.studies.models import Restricted, Study
from reports.trail.record import record


@require_POST
def glass(request: HttpRequest, uid: str) -> HttpResponse:
    """Take the reason, and open the patient's studies to him who gave it."""
    study = get_object_or_404(Study, uid=uid)
    reason = " ".join(request.POST.get("reason", "").split())[:LONGEST]
    if len(reason) < SHORTEST:
        record(request, "break-glass", study, failed=True, reason=reason)
        return ask(request, study, _("Say in a few words why you need this patient's studies."))
    record(request, "break-glass", study, reason=reason)
    break_glass(request, study)
    return redirect("study", uid)


@for_administrators
@require_http_methods(["GET", "POST"])
def restricted(request: HttpRequest) -> HttpResponse:
    """The patients that are restricted; one more."""
    told: dict[str, object] = {"shortest": SHORTEST, "longest": LONGEST}
    if request.method == "POST":
        patient = request.POST.get("patient", "").strip()[:64]
        reason = " ".join(request.POST.get("reason", "").split())[:LONGEST]
        if wrong := _restrict(request, patient, reason):
            told.update(wrong=wrong, patient=patient, reason=reason)
        else:
            return redirect("restricted")
    told["patients"] = Restricted.objects.order_by("patient_id")
    return render(request, "studies/restricted.html", told, status=422 if "wrong" in told else 200)


def _restrict(request: HttpRequest, patient: str, reason: str) -> str:
    """Do it; or what is wrong."""
    if not Study.objects.filter(patient_id=patient).exclude(patient_id="").exists():
        return _("There is no study of a patient with this ID.")
    if len(reason) < SHORTEST:
        return _("Say in a few words why this patient is restricted.")
    try:
        with transaction.atomic():
            Restricted.objects.create(patient_id=patient, reason=reason)
    except IntegrityError:
        return _("This patient is restricted already.")
    record(request, "restrict", Study(patient_id=patient), reason=reason)
    messages.success(request, _("Restricted. Whoever opens a study is asked why."))
    return ""


@for_administrators
@require_POST
def unrestrict(request: HttpRequest, pk: int) -> HttpResponse:
    """Open to all again."""
    found = get_object_or_404(Restricted, pk=pk)
    record(request, "unrestrict", Study(patient_id=found.patient_id), reason=found.reason)
    found.delete()
    messages.success(request, _("No longer restricted."))
    return redirect("restricted")
