"""Pages, PDF, pictures, faxes and exports."""

from __future__ import annotations

import tempfile
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports import archive
from reports.documents import export as exporting
from reports.documents import fax as faxing
from reports.documents import pdf as printing
from reports.documents import picture as drawing
from reports.documents.parts import parts, pictures
from reports.people.gate import for_reporters
from reports.studies.access import open_study
from reports.studies.models import Image
from reports.trail.record import record
from reports.writing.content import ContentError, number
from reports.writing.models import Sent, Stage, Version
from reports.writing.views import opened, version_of

DOWN = 503


def _down(request: HttpRequest, error: Exception) -> HttpResponse:
    """The archive has to be there for pictures; what is written does not depend on it."""
    return render(request, "documents/down.html", {"why": str(error)}, status=DOWN)


def _shown(request: HttpRequest, pk: int, number: int) -> Version:
    return version_of(opened(request, pk), number)


@require_GET
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A version as a page, which prints well."""
    shown = _shown(request, pk, number)
    record(request, "view", shown.report.study, report=pk, version=number)
    told = {
        "version": shown,
        "parts": parts(shown),
        "study": shown.report.study,
        "fax": bool(settings.CONFIG.fax_host) and shown.stage != Stage.PRELIMINARY,
        "latest": shown.report.versions.order_by("-number").values_list("number", flat=True)[0],
        "site": settings.CONFIG.site,
    }
    return render(request, "documents/version.html", told)


@require_GET
def pdf(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The same as a PDF."""
    shown = _shown(request, pk, number)
    wire = archive.reader()
    try:
        made = printing.make(shown, pictures(wire, parts(shown)))
    except (archive.DownError, archive.MissingError) as error:
        return _down(request, error)
    finally:
        wire.close()
    record(request, "pdf", shown.report.study, report=pk, version=number)
    name = f"report-{pk}-{number}.pdf"  # no name of a patient: files lie about
    head = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(made, content_type="application/pdf", headers=head)


@require_POST
def printed(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The page says that it is being printed."""
    shown = _shown(request, pk, number)
    record(request, "print", shown.report.study, report=pk, version=number)
    return HttpResponse(status=204)


@for_reporters
@require_POST
def fax(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """Put it into the queue for a fax machine."""
    shown = _shown(request, pk, number)
    if not settings.CONFIG.fax_host or shown.stage == Stage.PRELIMINARY:
        raise Http404
    try:
        to = faxing.number(request.POST.get("number", ""))
    except faxing.FaxError as error:
        messages.error(request, str(error))
        return redirect("version", pk, number)
    Sent.objects.create(version=shown, way="fax", target=to)
    record(request, "send", shown.report.study, report=pk, version=number, way="fax", target=to)
    messages.success(request, _("The fax to %(number)s waits to be sent.") % {"number": to})
    return redirect("version", pk, number)


@for_reporters
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Try once more what had failed."""
    sent = get_object_or_404(Sent.objects.select_related("version"), pk=pk)
    report = opened(request, sent.version.report_id)
    if Sent.objects.filter(pk=pk, state="failed").update(state="waiting", tries=0, why=""):
        record(request, "send", report.study, report=report.pk, way=sent.way, again=True)
    return redirect("report", report.pk)


@require_GET
def picture(request: HttpRequest, uid: str) -> HttpResponse:
    """A frame with a window and a palette."""
    image = get_object_or_404(Image.objects.select_related("series__study"), uid=uid)
    study = open_study(request, image.series.study.uid)
    asked = request.GET
    try:
        low, high = (number(float(asked.get(name, ""))) for name in ("low", "high"))
        frame = int(asked.get("frame", "0"))
    except (ValueError, ContentError):
        return HttpResponseBadRequest(_("A frame, low and high are numbers."))
    if not 0 <= frame < image.frames:
        raise Http404
    look = drawing.Look(frame, low, high, asked.get("palette", "grey")[:32])
    wire = archive.reader()
    try:
        made = drawing.png(drawing.shown(drawing.fetch(wire, image), look))
    except (archive.DownError, archive.MissingError) as error:
        return HttpResponse(str(error), status=DOWN, content_type="text/plain; charset=utf-8")
    finally:
        wire.close()
    record(request, "view", study, image=uid, frame=frame)
    return HttpResponse(made, content_type="image/png")


@for_reporters
@require_http_methods(["GET", "POST"])
def export(request: HttpRequest, uid: str) -> HttpResponseBase:
    """A study for teaching, without who it is of."""
    study = open_study(request, uid)
    told: dict[str, Any] = {"study": study}
    if request.method == "GET":
        return render(request, "documents/export.html", told)
    wish = exporting.Wish("pictures" in request.POST, "burned" in request.POST)
    out = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    wire = archive.reader()
    try:
        wrote, left = exporting.write(out, wire, study, wish, settings.CONFIG.site)
    except (archive.DownError, archive.MissingError) as error:
        out.close()
        record(request, "export", study, failed=True, why=str(error))
        return _down(request, error)
    finally:
        wire.close()
    if not wrote:
        out.close()
        return render(request, "documents/export.html", {**told, "left": left}, status=409)
    record(request, "export", study, objects=wrote, left_out=left, burned=wish.burned)
    out.seek(0)
    return FileResponse(out, as_attachment=True, filename="teaching.zip")
