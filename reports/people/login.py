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
from reports.trail.record import address_of, record

FREE = 5
"""Failures before anybody has to wait."""
FIRST, LONGEST = timedelta(seconds=30), timedelta(hours=1)
OF_AN_ADDRESS = 30
"""An address may be a whole hospital's, behind its own router."""
REGISTRATIONS = 30
"""From an address in a day, before anybody has to wait: a hospital's doctors come all at once."""
FORGOTTEN = timedelta(hours=24)
ONE_LESS = timedelta(minutes=2)
"""An address is forgiven a failure by time alone: one's own login between guesses is no help."""
_NOBODY = make_password("nobody's")


def wait_after(failures: int, free: int = FREE) -> timedelta:
    """Twice as long with each failure, up to an hour."""
    over = failures - free
    return min(FIRST * 2 ** min(over, 20), LONGEST) if over >= 0 else timedelta()


def prove(request: HttpRequest, name: str, password: str, code: str) -> Person | None:
    """Who it is; None after one of all the things that may be wrong. It is recorded and counted."""
    place, _made = Attempts.objects.get_or_create(address=address_of(request))
    with transaction.atomic():
        # One at a time for a name: guesses side by side are counted each. The address is held
        # only after the password: a directory may take seconds, a hospital have one address.
        person = Person.objects.select_for_update().filter(username=name).first()
        shut = _shut(person) or _shut(place)
        right = _password(person, password, shut)
        step = (
            totp.matches(person.totp_secret, code, person.totp_last)
            if person and person.totp_secret
            else 1
        )
        place = _held(place)
        if person and person.is_active and right and step and not shut:
            _succeeded(person, step if person.totp_secret else person.totp_last)
            return person
        waits = not shut and _failed(person, place)
    reason = "locked" if shut else "unknown" if person is None else _why(person, right)
    record(request, "login-failed", person=name[:150], failed=True, reason=reason)
    if waits:
        record(request, "locked", person=name[:150])
    return None


def prove_new(request: HttpRequest, name: str, password: str) -> bool:
    """Whether the directory knows who registers: counted as at the login, else one guesses here.

    Nobody has that name yet (forms.py has looked), so its failures are kept with the addresses'.
    """
    keys = ((address_of(request), OF_AN_ADDRESS), (f"={name}", FREE))
    places = [Attempts.objects.get_or_create(address=key)[0] for key, _free in keys]
    shut = any(map(_shut, places))
    if not shut and directory.proves(name, password):
        return True
    if not shut:
        with transaction.atomic():
            for place, (_key, free) in zip(places, keys, strict=True):
                _count(_held(place), free)
    reason = "locked" if shut else "password"
    record(request, "login-failed", person=name, failed=True, reason=reason)
    return False


def may_register(request: HttpRequest) -> bool:
    """Whether somebody more may from that address; each is work for an administrator, so counted.

    Its key is no name that somebody can have (forms.py); it is forgotten as a whole.
    """
    place, _made = Attempts.objects.get_or_create(address=f"=@{address_of(request)}"[:45])
    with transaction.atomic():
        place = _held(place)
        if _shut(place):
            return False
        _count(place, REGISTRATIONS)
    return True


def _held(place: Attempts) -> Attempts:
    """The row as it is now, nobody else's until the transaction ends."""
    held = Attempts.objects.select_for_update().get(pk=place.pk)
    since = timezone.now() - held.at
    if since > FORGOTTEN:
        held.failures = 0
    elif not held.address.startswith("="):
        held.failures = max(0, held.failures - since // ONE_LESS)
    return held


def _password(person: Person | None, password: str, shut: bool) -> bool:
    """By the directory for who has no password here; the same work for who does not exist."""
    if person and directory.there_is() and not person.has_usable_password() and not shut:
        # Not for who is locked: the guesses would go on there, and lock him out of the hospital.
        return directory.proves(person.username, password)
    return check_password(password, person.password if person else _NOBODY)


def _why(person: Person, right: bool) -> str:
    if not right:
        return "password"
    return "code" if person.is_active else "not admitted"


def _shut(one: Person | Attempts | None) -> bool:
    return bool(one and one.locked_until and one.locked_until > timezone.now())


def _succeeded(person: Person, step: int) -> None:
    person.failures, person.locked_until, person.totp_last = 0, None, step
    person.save(update_fields=["failures", "locked_until", "totp_last"])


def _failed(person: Person | None, place: Attempts) -> bool:
    """Count it; whether somebody has to wait now.

    Not for who waits already: who is locked out by others gets in some time.
    """
    known = person is not None and _count(person, FREE)
    return _count(place, OF_AN_ADDRESS) or known


def _count(one: Person | Attempts, free: int) -> bool:
    one.failures += 1
    wait = wait_after(one.failures, free)
    one.locked_until = timezone.now() + wait
    one.save()
    return bool(wait)
