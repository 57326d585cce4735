"""The site's addresses with a study page of the tests' own, which holds the panel of reports."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from reports.studies.access import open_study
from reports.urls import urlpatterns as everything

PAGE = """{% extends "base.html" %}{% block main %}<h1>{{ study.description }}</h1>
<button id="pick" type="button">pick</button>{% include "writing/panel.html" %}{% endblock %}"""


def study(request: HttpRequest, uid: str) -> HttpResponse:
    page = engines["django"].from_string(PAGE)
    return HttpResponse(page.render({"study": open_study(request, uid)}, request))


urlpatterns = [path("studies/<str:uid>/", study, name="study"), *everything]
