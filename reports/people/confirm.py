"""Who signs says once more who he is."""

from __future__ import annotations

from django.http import HttpRequest

from reports.people.login import prove


def confirm(request: HttpRequest, password: str, code: str) -> bool:
    """Whether the password (and the code, where there is one) is that of who is logged in."""
    return prove(request, request.user.get_username(), password, code) is not None
