"""A middleware: a study that is restricted asks for a reason, wherever it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from reports.studies.access import RestrictedError


class Glass:
    """Shows the page that asks, or says it to a script."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; a view's exception comes to process_exception."""
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """403, with the way on. The patient's name is not told before."""
        if not isinstance(error, RestrictedError):
            return None
        if request.headers.get("Sec-Fetch-Dest", "document") != "document":
            told = _("This patient is restricted: open the study's page and say why.")
            return JsonResponse({"error": told}, status=403)
        return render(request, "studies/glass.html", {"study": error.study}, status=403)
