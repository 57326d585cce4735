"""Whether somebody is who he says: password, code, and how often it went wrong.

Whoever fails learns nothing: an unknown name, a wrong password, one who waits for admission and
one who is locked get the same answer after the same work.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from reports.people import directory, totp
from reports.people.models import Attempts, Person
from reports.trail.record import record

FREE = 5
"""Failures before anybody has to wait."""
FIRST, LONGEST = timedelta(seconds=30), timedelta(hours=1)
OF_AN_ADDRESS = 30
"""An address may be a whole hospital's, behind its own router."""
FORGOTTEN = timedelta(hours=24)
_NOBODY = make_password("nobody's")


def wait_after(failures: int, free: int = FREE) -> timedelta:
    """Twice as long with each failure, up to an hour."""
    over = failures - free
    return min(FIRST * 2 ** min(over, 20), LONGEST) if over >= 0 else timedelta()


def address_of(request: HttpRequest) -> str:
    """Where it comes from: our own Apache says so."""
    return str(request.META.get("HTTP_X_REAL_IP") or request.META.get("REMOTE_ADDR", ""))


def prove(request: HttpRequest, name: str, password: str, code: str) -> Person | None:
    """Who it is; None after one of all the things that may be wrong. It is recorded and counted."""
    now = timezone.now()
    with transaction.atomic():
        # One at a time for a name and for an address: guesses side by side are counted each.
        place, _made = Attempts.objects.get_or_create(address=address_of(request))
        place = Attempts.objects.select_for_update().get(pk=place.pk)
        if now - place.at > FORGOTTEN:
            place.failures = 0
        person = Person.objects.select_for_update().filter(username=name).first()
        shut = _shut(person, place)
        right = _password(person, password)
        step = (
            totp.matches(person.totp_secret, code, person.totp_last)
            if person and person.totp_secret
            else 1
        )
        if person and person.is_active and right and step and not shut:
            _succeeded(person, place, step if person.totp_secret else person.totp_last)
            return person
        _failed(person, place, shut)
    reason = "locked" if shut else "unknown" if person is None else _why(person, right)
    record(request, "login-failed", person=name[:150], failed=True, reason=reason)
    return None


def _password(person: Person | None, password: str) -> bool:
    """By the directory for who has no password here; the same work for who does not exist."""
    if person and directory.there_is() and not person.has_usable_password():
        return directory.proves(person.username, password)
    return check_password(password, person.password if person else _NOBODY)


def _why(person: Person, right: bool) -> str:
    if not right:
        return "password"
    return "code" if person.is_active else "not admitted"


def _shut(person: Person | None, place: Attempts) -> bool:
    now = timezone.now()
    return bool(
        (person and person.locked_until and person.locked_until > now)
        or (place.locked_until and place.locked_until > now)
    )


def _succeeded(person: Person, place: Attempts, step: int) -> None:
    person.failures, person.locked_until, person.totp_last = 0, None, step
    person.save(update_fields=["failures", "locked_until", "totp_last"])
    place.failures, place.locked_until = 0, None
    place.save()


def _failed(person: Person | None, place: Attempts, shut: bool) -> None:
    if shut:  # it does not get longer by itself: who is locked out by others gets in some time
        return
    now = timezone.now()
    if person:
        person.failures += 1
        person.locked_until = now + wait_after(person.failures)
        person.save(update_fields=["failures", "locked_until"])
    place.failures += 1
    place.locked_until = now + wait_after(place.failures, OF_AN_ADDRESS)
    place.save()
