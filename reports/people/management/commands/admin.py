"""``python3 -m reports admin NAME``: make an administrator; there is none by default."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reports.people.forms import USERNAME
from reports.people.models import Person, Role
from reports.trail.record import record_at_the_box


class Command(BaseCommand):
    """A new one, or a new password for one who is locked out."""

    help = "Make an administrator, or give one a new password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user name."""
        parser.add_argument("name")

    def handle(self, *_args: Any, **options: Any) -> None:
        """The password is asked for, or is the first line of a pipe: never on the command line."""
        name = str(options["name"])
        person = Person.objects.filter(username=name).first()
        if person and person.role != Role.ADMINISTRATOR:
            raise CommandError(
                f"{name} is a {person.role}: an administrator changes that on the site"
            )
        try:
            USERNAME(name)
            password = self._password()
            validate_password(password, Person(username=name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        made = person or Person(username=name, name=name, role=Role.ADMINISTRATOR)
        made.is_active, made.failures, made.locked_until, made.totp_secret = True, 0, None, ""
        made.admitted_at = made.admitted_at or timezone.now()
        made.set_password(password)
        made.save()
        record_at_the_box("admin", name, new=person is None)
        self.stdout.write(f"{name} may log in now")

    def _password(self) -> str:
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\n")
        first = getpass.getpass("Password: ")
        if first != getpass.getpass("Again: "):
            raise CommandError("the two differ; nothing was changed")
        return first
