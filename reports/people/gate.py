"""Nobody gets past a view that forgot to ask: everything needs a login unless it says not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

RENEW = 60
"""Seconds until a session is saved anew, and lasts half an hour from then."""
_RENEWED = "renewed"
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def open_to_all(view: View) -> View:
    """For the few pages that somebody sees who is not logged in."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def before_all(view: View) -> View:
    """For what somebody may do before he has chosen a password of his own."""
    view.before_all = True  # type: ignore[attr-defined]
    return view


def for_reporters(view: View) -> View:
    """Who may write reports."""
    view.needs = "reports"  # type: ignore[attr-defined]
    return view


def for_administrators(view: View) -> View:
    """Who admits people and reads the trail."""
    view.needs = "administers"  # type: ignore[attr-defined]
    return view


class Gate:
    """A middleware: asks for a login and the role that the view names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; the view is known in process_view only."""
        return self._next(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_rest: Any
    ) -> HttpResponseBase | None:
        """Refuse, send to the login, or let pass."""
        if _nul(request):
            raise SuspiciousOperation("a NUL")  # 400: PostgreSQL keeps none, whatever it is for
        if getattr(view, "open_to_all", False):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        # Not at each request: images come side by side, and the last to save would undo what
        # another one wrote. What a page asks by itself is not saved at all (studies/quiet.py).
        if time.time() - request.session.get(_RENEWED, 0) > RENEW:
            request.session[_RENEWED] = int(time.time())
        if getattr(request.user, "handed", False) and not getattr(view, "before_all", False):
            return redirect("account")
        needs = getattr(view, "needs", "")
        if needs and not getattr(request.user, needs):
            raise PermissionDenied
        return None


def _nul(request: HttpRequest) -> bool:
    asked = (request.GET, request.POST)
    told = (text for every in asked for each in every.lists() for text in (each[0], *each[1]))
    return "\0" in request.path_info or any("\0" in text for text in told)
