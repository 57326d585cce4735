"""Ask again who it is, before something that cannot be undone."""

from __future__ import annotations

from django.http import HttpRequest


def confirm(request: HttpRequest, password: str, code: str) -> bool:  # noqa: ARG001 - TOTP follows
    """Whether the password is that of who is logged in."""
    return request.user.is_authenticated and request.user.check_password(password)
