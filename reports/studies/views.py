"""The front page and the reading list."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def front(request: HttpRequest) -> HttpResponse:
    """What somebody sees first."""
    return render(request, "studies/front.html")
