"""What the front page says about the department: archive, list, devices, the box."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from reports.studies.models import Follow, Status, Study

LATE = timedelta(minutes=1)
"""How old the last answer of the archive may be: it is asked every 5 seconds."""


@dataclass(frozen=True)
class ArchiveState:
    """Whether the list is up to date."""

    at: datetime | None
    error: str

    @property
    def well(self) -> bool:
        """Asked a moment ago, and it answered."""
        return bool(self.at and not self.error and timezone.now() - self.at < LATE)


@dataclass(frozen=True)
class Files:
    """A camera's folders."""

    device: str
    last: datetime | None
    """When something of it was last stored."""
    waiting: int
    aside: int
    """Files in quarantine."""
    silent: bool
    """Whether it sends nothing though it usually would."""


@dataclass(frozen=True)
class Box:
    """What the box says of itself in CONFIG.status (docs/reports/list.md has its keys)."""

    at: datetime | None = None
    disk_free: int | None = None
    disk_size: int | None = None
    fax_waiting: int | None = None
    fax_failed: int | None = None
    copies_waiting: int | None = None
    copies_more: bool = False
    """Whether more copies wait than were counted."""
    problems: tuple[str, ...] = ()
    files: tuple[Files, ...] = ()

    @property
    def disk_used(self) -> int | None:
        """In per cent."""
        if not self.disk_size or self.disk_free is None:
            return None
        return round(100 * (1 - self.disk_free / self.disk_size))

    @property
    def set_aside(self) -> bool:
        """Whether there is a file in quarantine."""
        return any(each.aside for each in self.files)


def archive_state() -> ArchiveState:
    """From what the follower wrote last; the archive is not asked."""
    row = Follow.objects.first()
    return ArchiveState(row.at if row and row.last else None, row.error if row else "")


def today() -> tuple[datetime, datetime]:
    """From midnight to midnight, in the box's time zone."""
    start = timezone.now().astimezone(timezone.get_default_timezone())
    start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)


def counts() -> list[tuple[str, str, int]]:
    """Today's studies: status, how it is called, how many."""
    rows = Study.objects.filter(gone=False, when__range=today())
    many = dict(rows.values_list("status").annotate(Count("id")))
    return [(value, str(label), many.get(value, 0)) for value, label in Status.choices]


def devices() -> list[Any]:
    """Those that have studies of today, the latest first.

    Not by when the follower met a study: after the first import that is today for all of them.
    """
    rows = Study.objects.filter(gone=False, when__range=today()).exclude(device="")
    seen = rows.values("device").annotate(many=Count("id"), last=Max("when"))
    return list(seen.order_by("-last"))


def box() -> Box | None:
    """The file as it is now, or None: there is none, or it cannot be read."""
    if not settings.CONFIG.status:
        return None
    try:
        return _box(json.loads(Path(settings.CONFIG.status).read_text("utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return Box(problems=(_("The state of the box cannot be read."),))


def _count(told: dict[str, Any], key: str) -> int | None:
    value = told.get(key)
    return None if value is None else int(value)


def _box(told: dict[str, Any]) -> Box:
    disk, fax = told.get("disk") or {}, told.get("fax") or {}
    return Box(
        at=datetime.fromisoformat(told["at"]).astimezone(),
        disk_free=_count(disk, "free"),
        disk_size=_count(disk, "size"),
        fax_waiting=_count(fax, "waiting"),
        fax_failed=_count(fax, "failed"),
        copies_waiting=_count(told, "copies_waiting"),
        copies_more=bool(told.get("copies_more")),
        problems=tuple(str(each) for each in told.get("problems", [])),
        files=tuple(_files(each) for each in told.get("files", [])),
    )


def _files(told: dict[str, Any]) -> Files:
    last = told["last"]
    return Files(
        device=str(told["name"]),
        last=datetime.fromisoformat(last).astimezone() if last else None,
        waiting=int(told["waiting"]),
        aside=int(told["quarantined"]),
        silent=bool(told["silent"]),
    )
