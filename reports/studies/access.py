"""Who may open a study: everybody who works here, but of some patients only who says why."""

from __future__ import annotations

import time

from django.http import Http404, HttpRequest

from reports.studies.models import Restricted, Study

SECONDS = 3600
_SESSION = "broken-glass"


class RestrictedError(Exception):
    """The patient is restricted, and nobody has said why he needs to see it (break glass)."""

    def __init__(self, study: Study) -> None:
        super().__init__(study.uid)
        self.study = study


def open_study(request: HttpRequest, uid: str) -> Study:
    """A study that this person may see now. Raises Http404, RestrictedError."""
    found = Study.objects.filter(uid=uid).first()
    if found is None:
        raise Http404("There is no such study.")
    if is_restricted(found.patient_id) and not is_broken(request, found.patient_id):
        raise RestrictedError(found)
    return found


def is_restricted(patient_id: str) -> bool:
    """Whether a patient is."""
    return Restricted.objects.filter(patient_id=patient_id).exists()


def is_broken(request: HttpRequest, patient_id: str) -> bool:
    """Whether this session has said why, within the hour."""
    return float(request.session.get(_SESSION, {}).get(patient_id, 0)) > time.time()


def break_glass(request: HttpRequest, patient_id: str) -> None:
    """For an hour, in this session, for this patient."""
    until = {**request.session.get(_SESSION, {}), patient_id: time.time() + SECONDS}
    request.session[_SESSION] = until
