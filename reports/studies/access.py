"""Who gets at a study: everybody who is logged in, but for restricted patients' (break glass).

``open_study`` is the only way to one; the middleware turns its refusal into the page that asks
for the reason. The reason is remembered in the session, for that patient and an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from reports.studies.models import Restricted, Study

SECONDS = 3600
SHORTEST = 10
"""Characters of a reason: enough that it is one."""
LONGEST = 200
_KEY = "glass-broken"


class RestrictedError(Exception):
    """The study's patient is restricted, and this person has not said why he needs it."""

    def __init__(self, study: Study) -> None:
        super().__init__(study.uid)
        self.study = study


def open_study(request: HttpRequest, uid: str) -> Study:
    """The study with a UID, for this person. Raises Http404 and RestrictedError."""
    try:
        study = Study.objects.get(uid=uid)
    except Study.DoesNotExist:
        raise Http404 from None
    if study.patient_id in closed(request):
        raise RestrictedError(study)
    return study


def closed(request: HttpRequest) -> frozenset[str]:
    """The IDs of the patients whose studies this person does not see now."""
    restricted = Restricted.objects.values_list("patient_id", flat=True)
    return frozenset(restricted) - _broken(request).keys()


def break_glass(request: HttpRequest, study: Study) -> None:
    """He said why: for an hour it is open. Whoever calls this has recorded the reason."""
    request.session[_KEY] = {**_broken(request), study.patient_id: int(time.time()) + SECONDS}


def _broken(request: HttpRequest) -> dict[str, int]:
    now = time.time()
    kept: dict[str, int] = request.session.get(_KEY, {})
    return {patient: until for patient, until in kept.items() if until > now}


class Glass:
    """A middleware: whatever view met a restricted patient, the page asks for the reason."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; a refusal is seen in process_exception only."""
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The break-glass page, which says nothing about who the patient is."""
        if not isinstance(error, RestrictedError):
            return None
        return ask(request, error.study, "")


def ask(request: HttpRequest, study: Study, wrong: str) -> HttpResponse:
    """The page that asks for the reason; ``wrong`` is why the last one was not taken."""
    told = {"uid": study.uid, "wrong": wrong, "shortest": SHORTEST, "longest": LONGEST}
    return render(request, "studies/glass.html", told, status=403)
