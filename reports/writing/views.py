"""The pages of reports."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports.people.confirm import confirm
from reports.people.gate import for_reporters
from reports.studies.access import open_study
from reports.trail.record import record
from reports.writing import drafts
from reports.writing.desk import desk, earlier
from reports.writing.differences import changes
from reports.writing.models import Draft, Report, Stage, Version
from reports.writing.sign import Seen, SignError, compose, hindrances, sign, signature, stages
from reports.writing.template import examinations


def opened(request: HttpRequest, pk: int) -> Report:
    """A report, for somebody who may see its study. Raises what open_study raises."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    open_study(request, found.study.uid)
    return found


def version_of(report: Report, number: int) -> Version:
    """One of its versions. Raises Http404."""
    return get_object_or_404(
        report.versions.select_related("signed_by", "report__study"), number=number
    )


@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one report, and the editor for who writes it."""
    found = opened(request, pk)
    record(request, "view", found.study, report=pk)
    shown = {"study": found.study, "desk": desk(request, found), "earlier": earlier(found.study)}
    return render(request, "writing/report.html", shown)


@for_reporters
@require_POST
def new(request: HttpRequest, uid: str) -> HttpResponseBase:
    """Begin a report, and go where it is written: beside the study's images."""
    study = open_study(request, uid)
    template = request.POST.get("template", "")
    if template not in examinations():
        raise Http404
    language = request.POST.get("language") or get_language() or "en"
    begun = drafts.start(request, study, template, "zh-hant" if language == "zh-hant" else "en")
    if not begun.versions.exists() and begun.begun_by_id != drafts.account(request).pk:
        messages.info(request, _("Somebody is writing this report already."))
    return redirect("report", pk=begun.pk) if begun.versions.exists() else redirect("study", uid)


@for_reporters
@require_POST
def proceed(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Write the next version, or an addendum."""
    found = opened(request, pk)
    drafts.proceed(request, found)
    return redirect("study", found.study.uid)


@for_reporters
@require_POST
def take(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Go on writing in somebody else's place."""
    found = opened(request, pk)
    drafts.take(request, get_object_or_404(Draft, report=found))
    messages.success(request, _("You are writing this report now."))
    return redirect("study", found.study.uid)


@for_reporters
@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Throw one's own draft away, as it was on the screen."""
    found = opened(request, pk)
    draft = get_object_or_404(Draft, report=found)
    try:
        drafts.drop(request, draft, int(request.POST.get("revision", "-1")))
    except (drafts.StaleError, ValueError):
        messages.error(request, _("The draft went on meanwhile, so it was kept. Look again."))
    return redirect("study", found.study.uid)


def _signing(
    request: HttpRequest, found: Report, draft: Draft, stage: str, why: str
) -> HttpResponse:
    may = stages(found)
    chosen = stage if stage in may else may[0].value
    said = compose(found, draft)
    shown = {
        "study": found.study,
        "desk": desk(request, found),
        "draft": draft,
        "said": said,
        "stages": [(each.value, each.label) for each in may],
        "stage": chosen,
        "hindrances": list(hindrances(said, chosen)),
        "signature": signature(drafts.account(request)),
        "why": why,
        "earlier": earlier(found.study),
    }
    return render(request, "writing/sign.html", shown, status=409 if why else 200)


def _signed(request: HttpRequest, found: Report, draft: Draft, stage: str) -> str:
    """Sign it; why not, or nothing."""
    if not confirm(request, request.POST.get("password", ""), request.POST.get("code", "")):
        record(request, "sign", found.study, failed=True, report=found.pk, why="password")
        return _("The password or the code is not right; nothing was signed.")
    told = request.POST.get("revision", "")
    revision = int(told) if told.isdecimal() and len(told) < 10 else -1
    try:
        sign(request, found, stage, Seen(revision, request.POST.get("study", "")))
    except SignError as error:
        record(request, "sign", found.study, failed=True, report=found.pk, why=str(error))
        found.study.refresh_from_db()
        draft.refresh_from_db()
        return str(error)
    return ""


@for_reporters
@require_http_methods(["GET", "POST"])
def sign_off(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Read what will be signed, and sign just that."""
    found = opened(request, pk)
    author = drafts.account(request)
    draft = Draft.objects.filter(report=found, author=author).first()
    if draft is None:
        messages.error(request, _("There is no draft of yours to sign."))
        return redirect("report", pk)
    stage = request.POST.get("stage") or request.GET.get("stage") or ""
    if request.method == "GET":
        return _signing(request, found, draft, stage, "")
    if why := _signed(request, found, draft, stage):
        return _signing(request, found, draft, stage, why)
    messages.success(request, _("Signed."))
    return redirect("report", pk)


@require_GET
def differences(request: HttpRequest, pk: int, old: int, new: int) -> HttpResponse:
    """What changed between two versions."""
    found = opened(request, pk)
    before, after = version_of(found, old), version_of(found, new)
    if Stage.ADDENDUM in (before.stage, after.stage):
        raise Http404  # an addendum changes nothing: it stands beside
    record(request, "view", found.study, report=pk, differences=[old, new])
    shown = {"study": found.study, "desk": desk(request, found), "old": before, "new": after}
    return render(request, "writing/differences.html", {**shown, "changes": changes(before, after)})
