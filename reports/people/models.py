"""Who works here: doctors register, an administrator admits them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What somebody may: each may what those above it may."""

    READER = "reader", _("Reader")
    REPORTER = "reporter", _("Reporter")
    ADMINISTRATOR = "administrator", _("Administrator")


class Person(AbstractUser):
    """A registered doctor or administrator. ``is_active`` is false until admitted."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.READER)
    name = models.CharField(_("name"), max_length=64, help_text=_("as it stands under a report"))
    name_han = models.CharField(_("name in Chinese"), max_length=32, blank=True)
    licence = models.CharField(_("licence number"), max_length=32, blank=True)
    department = models.CharField(_("department"), max_length=64, blank=True)
    admitted_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    admitted_at = models.DateTimeField(null=True, blank=True)
    totp_secret = models.CharField(max_length=64, blank=True)
    totp_last = models.BigIntegerField(default=0)
    """The time step of the last code that was taken: none is taken twice (RFC 6238, 5.2)."""
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    handed = models.BooleanField(default=False)
    """His password was made by an administrator: he chooses another before anything else."""

    @property
    def reports(self) -> bool:
        """Whether he may write and sign reports."""
        return self.role in (Role.REPORTER, Role.ADMINISTRATOR)

    @property
    def administers(self) -> bool:
        """Whether he admits people and reads the trail."""
        return self.role == Role.ADMINISTRATOR

    def get_session_auth_hash(self) -> str:
        """Each session holds it: another password or another role ends them all."""
        told = f"{self.role}:{self.password}"
        return salted_hmac("reports.people.session", told, algorithm="sha256").hexdigest()


class Attempts(models.Model):
    """Failed logins from an address; as ``=name``, of who is not registered yet; as ``=@address``,
    how many have registered from it.
    """

    address = models.CharField(max_length=45, unique=True)
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(auto_now=True)
