"""What waits to go out: into the archive, and to a fax machine.

Into the archive exactly once: the object has the same UIDs and bytes however often it is made, so
a second copy of it is the first one. A fax may go twice if the machine stops between the fax
server's yes and our note of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from reports import archive
from reports.documents import encapsulated, fax, pdf, sr
from reports.documents.dicom import around
from reports.documents.parts import parts, pictures
from reports.trail.record import record
from reports.writing.models import Sent

FIRST, LONGEST = timedelta(seconds=30), timedelta(hours=1)
FOLLOWED = timedelta(days=2)
"""A fax server gives up long before (HylaFAX: three hours, if nobody says otherwise)."""
MOST_TRIES = {"fax": 6, "pdf-archive": 60, "sr-archive": 60}
"""An archive that is down for two days is somebody's work by then: the button tries again."""


class RefusedError(Exception):
    """It will not be taken, however often it is tried."""


def due(sent: Sent, now: datetime) -> bool:
    """Whether it is its turn: at once, then after 30 s, 1 min, 2 min … 1 h."""
    if not sent.tries:
        return True
    pause: timedelta = min(FIRST * 2 ** min(sent.tries - 1, 12), LONGEST)
    return now >= sent.at + pause


def _give(sent: Sent) -> None:
    """Send one. Raises DownError, MissingError, FaxError, RefusedError."""
    version = sent.version
    reading = archive.reader()
    try:
        every = parts(version)
        file = b"" if sent.way == "sr-archive" else pdf.make(version, pictures(reading, every))
        if sent.way == "fax":
            sent.job = fax.send(file, sent.target)
            return
        told = around(reading, version, every)
    finally:
        reading.close()
    made = encapsulated.make(version, told, file) if file else sr.make(version, told)
    adding = archive.adder()
    try:
        answer = adding.post("/instances", made)
    finally:
        adding.close()
    if answer.get("Status") not in {"Success", "AlreadyStored"}:
        raise RefusedError(f"the archive says {answer.get('Status')}")


def one(now: datetime) -> bool:
    """Send the next that is due; whether there was one. Safe for several at once."""
    with transaction.atomic():
        waiting = Sent.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state="waiting"
        )
        sent = next(
            (
                each
                for each in waiting.select_related("version__report__study").order_by("at")
                if due(each, now)
            ),
            None,
        )
        if sent is None:
            return False
        sent.tries += 1
        try:
            _give(sent)
            sent.state, sent.why = "taken" if sent.way == "fax" else "done", ""
        except (archive.DownError, fax.FaxError) as error:
            sent.why = str(error)[:300]
            if sent.tries >= MOST_TRIES[sent.way]:
                sent.state = "failed"
        except archive.MissingError as error:
            sent.state, sent.why = "failed", f"the archive has not (any more): {error}"[:300]
        except Exception as error:  # one that cannot be made must not hold up those behind it
            sent.state, sent.why = "failed", f"{type(error).__name__}: {error}"[:300]
        sent.save()
        if sent.state != "waiting":
            _note(sent)
    return True


def _note(sent: Sent) -> None:
    """The trail says what became of it; nobody asked just now, so nobody's name is in it."""
    nobody = HttpRequest()
    nobody.user = AnonymousUser()
    record(
        nobody,
        "send",
        sent.version.report.study,
        person="gateway",
        failed=sent.state == "failed",
        state=sent.state,
        report=sent.version.report_id,
        version=sent.version.number,
        way=sent.way,
        target=sent.target,
        why=sent.why,
    )


def follow_faxes(now: datetime) -> int:
    """Ask the fax server what became of those that it took; how many have ended.

    One that it knows no more, since it was off for longer than it keeps them, stays "taken".
    """
    open_ = Sent.objects.filter(state="taken", job__isnull=False, at__gt=now - FOLLOWED)
    taken = list(open_.select_related("version__report__study"))
    try:
        jobs = fax.jobs() if taken else {}
    except fax.FaxError:
        return 0  # it is asked again
    ended = 0
    for sent in taken:
        job = jobs.get(sent.job or 0)
        if job is None or (job.state, job.why[:300]) == (sent.state, sent.why):
            continue
        sent.state, sent.why = job.state, "" if job.state == "done" else job.why[:300]
        sent.save()
        if sent.state != "taken":
            _note(sent)
            ended += 1
    return ended


def everything() -> int:
    """Send what is due now; how many were tried."""
    now, tried = timezone.now(), 0
    while one(now):
        tried += 1
    return tried
