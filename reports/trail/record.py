"""Add to the audit trail."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection
from django.http import HttpRequest

from reports.studies.models import Study


def address_of(request: HttpRequest) -> str:
    """Where it comes from: our own Apache says so."""
    return str(request.META.get("HTTP_X_REAL_IP") or request.META.get("REMOTE_ADDR", ""))


def record(
    request: HttpRequest,
    action: str,
    study: Study | None = None,
    *,
    person: str = "",
    failed: bool = False,
    **detail: Any,
) -> None:
    """Note that somebody did something; what is noted is noted even if the answer then fails.

    ``person`` is for those who are not logged in: the name they gave.
    """
    who = person or (request.user.get_username() if request.user.is_authenticated else "")
    about = (study.patient_id, study.uid) if study else ("", "")
    outcome = "failure" if failed else "success"
    _append(action, outcome, who, address_of(request), *about, detail)


def record_at_the_box(action: str, person: str, **detail: Any) -> None:
    """Note what a command on the box did; who that was, the box's own journal knows."""
    _append(action, "success", person, "console", "", "", detail)


def _append(*told: Any) -> None:
    *texts, detail = told
    with connection.cursor() as cursor:
        cursor.execute(
            "select public.trail_append(%s, %s, %s, %s, %s, %s, %s::jsonb)",
            [*texts, json.dumps(detail, ensure_ascii=False, default=str)],
        )
