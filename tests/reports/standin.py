"""The site's addresses with a study page of the tests' own, which holds the panel of reports."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines
from django.urls import path

from reports.studies.models import Study

PAGE = """{% extends "base.html" %}{% block main %}<h1>{{ study.description }}</h1>
<button id="pick" type="button">pick</button>{% include "writing/panel.html" %}{% endblock %}"""


def open_study(request: HttpRequest, uid: str) -> Study:
    return get_object_or_404(Study, uid=uid)


if importlib.util.find_spec("reports.studies.access") is None:
    made: Any = types.ModuleType("reports.studies.access")
    made.open_study = open_study
    sys.modules["reports.studies.access"] = made

from reports.urls import urlpatterns as everything  # noqa: E402 - after the stand-in


def study(request: HttpRequest, uid: str) -> HttpResponse:
    from reports.studies.access import open_study  # type: ignore[import-not-found,unused-ignore]

    page = engines["django"].from_string(PAGE)
    return HttpResponse(page.render({"study": open_study(request, uid)}, request))


urlpatterns = [path("studies/<str:uid>/", study, name="study"), *everything]
