"""Reports: a draft that changes, and versions that never do."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reports.studies.models import Study


class Stage(models.TextChoices):
    """What a version is."""

    PRELIMINARY = "preliminary", _("Preliminary")
    FINAL = "final", _("Final")
    ADDENDUM = "addendum", _("Addendum")


class Report(models.Model):
    """A report about a study; what it says is in its versions."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="reports")
    template = models.CharField(max_length=32)
    """The examination: a file of reports/writing/templates."""
    language = models.CharField(max_length=8)
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(auto_now_add=True)


class Draft(models.Model):
    """What somebody is writing: of a new report, or of the next version of one. One a report."""

    report = models.OneToOneField(Report, models.CASCADE, related_name="draft")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    since = models.DateTimeField(default=timezone.now)
    """Since when this author has been writing: he began it, or took it over."""
    content = models.JSONField(default=dict)
    """``sections``: key → text; ``key_images``: a list of {image, frame, low, high, palette, note}
    (reports/writing/content.py)."""
    revision = models.PositiveIntegerField(default=0)
    """Counts up at each save: a save that began from an older one is refused, not merged."""
    saved_at = models.DateTimeField(default=timezone.now)


class Version(models.Model):
    """A signed state of a report. The web can add one and change none (rights, and a trigger)."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=12, choices=Stage.choices)
    content = models.JSONField()
    study_revision = models.CharField(max_length=64)
    """What the archive's study was when it was signed."""
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_name = models.CharField(max_length=128)
    """The signer's name and licence at that time."""
    signed_at = models.DateTimeField()
    previous = models.CharField(max_length=64, blank=True)
    """The digest of the version that was signed before this one, of whatever report: one chain."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 over all of it, canonical JSON (reports/writing/sign.py)."""

    web_may = ("SELECT", "INSERT")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="one_of_a_number"),
        ]
        ordering = ["number"]


class Sent(models.Model):
    """Where a version went: PDF into the archive, fax, print, export."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="sent")
    way = models.CharField(max_length=16)
    """``pdf-archive``, ``sr-archive``, ``fax``, …"""
    target = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, default="waiting")
    """``waiting``, ``done`` or ``failed``; of a fax also ``taken``: the fax server has it."""
    why = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now=True)
    tries = models.PositiveIntegerField(default=0)
    job = models.PositiveIntegerField(null=True)
    """The fax server's number of it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "way"],
                condition=models.Q(way__in=["pdf-archive", "sr-archive"]),
                name="once_into_the_archive",
            ),
        ]
