"""Questions that a page asks by itself do not keep somebody logged in who has gone away."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


def quiet(view: View) -> View:
    """For a view that a page polls: the session's half hour goes on running."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = view(request, *args, **kwargs)
        # Django's session middleware saves, and so prolongs, what a request still carries.
        del request.session
        return answer

    return asked
