"""What the editor asks by itself: saving every few seconds, and how the draft stands."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from reports.people.gate import for_reporters
from reports.studies.access import open_study
from reports.writing import drafts
from reports.writing.content import ContentError
from reports.writing.models import Draft


def _stands(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """A draft for the editor's eyes."""
    author = draft.author
    return {
        "revision": draft.revision,
        "saved_at": timezone.localtime(draft.saved_at).strftime("%H:%M:%S"),
        "author": author.name or author.username,
        "since": timezone.localtime(draft.since).strftime("%Y-%m-%d %H:%M"),
        "mine": author.pk == drafts.account(request).pk,
        "sections": draft.content.get("sections", {}),
        "key_images": draft.content.get("key_images", []),
    }


def _refused(request: HttpRequest, why: str, status: int, draft: Draft | None) -> JsonResponse:
    told: dict[str, Any] = {"why": why}
    if draft:
        told["kept"] = _stands(request, draft)
    return JsonResponse(told, status=status)


def _found(request: HttpRequest, pk: int) -> Draft | None:
    draft = Draft.objects.select_related("author", "report__study").filter(pk=pk).first()
    if draft:
        open_study(request, draft.report.study.uid)
    return draft


@for_reporters
@require_POST
def save(request: HttpRequest, pk: int) -> JsonResponse:
    """Keep what was written, or say why not; the page keeps it in any case."""
    draft = _found(request, pk)
    if draft is None:
        return _refused(request, _("This draft was signed or thrown away meanwhile."), 410, None)
    try:
        told = json.loads(request.body)
        revision = told["revision"]
        if not isinstance(revision, int) or isinstance(revision, bool) or revision >= 1 << 31:
            raise TypeError
        drafts.save(request, draft, revision, told)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = str(error) if isinstance(error, ContentError) else ""
        why = why or _("The text did not arrive as the page sends it.")
        return _refused(request, why, 400, None)
    except drafts.StaleError as stale:
        why = _("This draft went on elsewhere: both texts are shown, choose which to keep.")
        if stale.draft is None:
            why = _("This draft was signed or thrown away meanwhile.")
        return _refused(request, why, 409 if stale.draft else 410, stale.draft)
    return JsonResponse(_stands(request, draft))


@for_reporters
@require_GET
def state(request: HttpRequest, pk: int) -> JsonResponse:
    """How the draft stands; with the token for saving, which changes with each login."""
    draft = _found(request, pk)
    if draft is None:
        return _refused(request, _("This draft was signed or thrown away meanwhile."), 410, None)
    return JsonResponse({"token": get_token(request), **_stands(request, draft)})
