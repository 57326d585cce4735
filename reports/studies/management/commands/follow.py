"""``python3 -m reports follow``: the reading list follows the archive, for as long as it runs."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections

from reports import archive
from reports.studies.follow import position
from reports.studies.models import Follow
from reports.studies.sweep import Follower

EVERY = 5.0
DAY = 24 * 3600.0
_log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Resident; an archive or a database that is away is waited for."""

    help = "Bring the reading list up to date with the archive, every 5 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--once`` for tests."""
        parser.add_argument("--once", action="store_true", help="look once, then end")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, wait, look."""
        follower, due = Follower(archive.reader()), 0.0
        while True:
            look(follower)
            if time.monotonic() >= due:
                due = time.monotonic() + DAY
                tidy()
            if options["once"]:
                return
            time.sleep(EVERY)
            close_old_connections()  # a database that was restarted is asked anew


def tidy() -> None:
    """Sessions that have ended are nobody's any more: what they held goes."""
    try:
        call_command("clearsessions")
    except DatabaseError:
        _log.exception("sessions that have ended cannot be removed")


def look(follower: Follower) -> None:
    """Once; whatever goes wrong is written down for the front page, and tried again."""
    try:
        follower.look()
    except archive.DownError as error:
        _say(str(error))
    except Exception as error:
        _log.exception("the archive cannot be followed")
        _say(f"{type(error).__name__}: {error}")


def _say(why: str) -> None:
    """``at`` stays: it is when the archive last answered."""
    try:
        position()
        Follow.objects.filter(pk=1).update(error=why[:300])
    except DatabaseError:
        _log.warning("the database does not answer either")
