"""What was deleted in the archive: its ``/changes`` does not say so, but its counts do."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from django.db import transaction

from reports.archive import Archive
from reports.studies.follow import keep, look, step, there
from reports.studies.models import Image, Series, Study

PAGE = 5_000
BATCH = 100
OFTEN = 600.0
"""Seconds after which it is looked through anyway: as many may have come as went."""


class Follower:
    """Remembers how many objects the archive had, between one look and the next."""

    def __init__(self, wire: Archive) -> None:
        self._wire = wire
        self._objects, self._swept = -1, 0.0

    def look(self) -> None:
        """All that is new, then what is away. Raises DownError."""
        came, done = step(self._wire)
        total = came
        while not done:
            came, done = step(self._wire)
            total += came
        if self._objects >= 0:
            self._objects += total
        now = int(self._wire.json("/statistics")["CountInstances"])
        quiet = total == 0 and now != self._objects
        if self._objects < 0 or quiet or time.monotonic() - self._swept > OFTEN:
            self._objects, self._swept = now, time.monotonic()
            sweep(self._wire)


def sweep(wire: Archive) -> None:
    """Compare the whole list with the whole archive, by names only."""
    known = set(Study.objects.filter(gone=False).values_list("archive_id", flat=True))
    has = set(_names(wire, "studies"))
    for name in known - has:
        _gone(wire, name)
    kept = set(_names(wire, "instances"))
    listed = Image.objects.values_list("archive_id", "series__study__archive_id").iterator()
    changed = {study for image, study in listed if image not in kept}
    again = iter(sorted((has - known) | (changed & has)))
    while batch := list(itertools.islice(again, BATCH)):
        _again(wire, batch)


def _names(wire: Archive, level: str) -> Iterator[str]:
    """All of a level, a page at a time."""
    for since in itertools.count(0, PAGE):
        page = wire.json(f"/{level}?since={since}&limit={PAGE}")
        yield from page
        if len(page) < PAGE:
            return


def _gone(wire: Archive, name: str) -> None:
    """Note that it is away, if it is: a page may have been cut while others were deleted."""
    if there(wire, f"/studies/{name}"):
        return
    with transaction.atomic():
        Series.objects.filter(study__archive_id=name).delete()
        Study.objects.filter(archive_id=name).update(gone=True, images=0, revision="gone")


def _again(wire: Archive, names: list[str]) -> None:
    told = [wire.json(f"/studies/{name}") for name in names if there(wire, f"/studies/{name}")]
    found = [one for one in (look(wire, each) for each in told) if one]
    with transaction.atomic():
        for one in found:
            keep(one)
