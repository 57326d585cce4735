"""The archive's studies, kept here too so that sorting and paging ask nobody."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from reports.studies import names


class Status(models.TextChoices):
    """How far a study's report is."""

    UNREAD = "unread", _("Unread")
    DRAFT = "draft", _("Draft")
    PRELIMINARY = "preliminary", _("Preliminary")
    FINAL = "final", _("Final")
    ADDENDUM = "addendum", _("Final with addendum")


class Study(models.Model):
    """DICOM study level (PS3.3, A.1.2), what a list shows of it."""

    uid = models.CharField(max_length=64, unique=True)
    archive_id = models.CharField(max_length=64, unique=True)
    """Orthanc's own."""
    patient_id = models.CharField(max_length=64, db_index=True)
    patient_name = models.CharField(max_length=200, db_index=True)
    """The alphabetic group (PS3.5, 6.2.1.2), ``Lin^Mei``."""
    patient_name_han = models.CharField(max_length=200, blank=True)
    """The ideographic group."""
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=1, blank=True)
    when = models.DateTimeField(null=True, blank=True, db_index=True)
    """Study Date and Time, in the box's time zone."""
    accession = models.CharField(max_length=16, blank=True)
    description = models.CharField(max_length=200, blank=True)
    device = models.CharField(max_length=64, blank=True, db_index=True)
    """The name of the description's device, or the station's."""
    modalities = models.CharField(max_length=64, blank=True)
    images = models.PositiveIntegerField(default=0)
    """Objects, reports not counted."""
    revision = models.CharField(max_length=64, blank=True)
    """Changes when the archive's study does: a page that shows an older one says so."""
    seen_at = models.DateTimeField(auto_now_add=True)
    """When the follower met it, for who looks into the tables: it says nothing of the study."""
    gone = models.BooleanField(default=False)
    """The archive has it no more; reports about it stay."""
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.UNREAD, db_index=True
    )
    """Set by reports/writing whenever a report goes on."""
    search = models.CharField(max_length=1000, blank=True, editable=False)
    """The words of both names, folded: what a search looks into (reports/studies/names.py)."""

    class Meta:
        indexes = [
            models.Index(
                models.F("when").desc(nulls_last=True),
                models.F("id").desc(),
                name="studies_newest_first",
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The search goes with the names."""
        self.search = names.searched(self.patient_name, self.patient_name_han)
        super().save(*args, **kwargs)


class Restricted(models.Model):
    """A patient whose studies open only to who says why (break glass)."""

    patient_id = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=200)
    since = models.DateTimeField(auto_now_add=True)


class Series(models.Model):
    """A series of images."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="series")
    uid = models.CharField(max_length=64, unique=True)
    archive_id = models.CharField(max_length=64, unique=True)
    number = models.IntegerField(default=0)
    description = models.CharField(max_length=200, blank=True)
    modality = models.CharField(max_length=16)


class Image(models.Model):
    """An object with pixels."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="images")
    uid = models.CharField(max_length=64, unique=True)
    """SOP Instance UID."""
    archive_id = models.CharField(max_length=64, unique=True)
    number = models.IntegerField(default=0)
    kind = models.CharField(max_length=32, blank=True)
    """Image Type value 3: STATIC, DYNAMIC, GATED, TOMO, …"""
    frames = models.PositiveIntegerField(default=1)
    rows = models.PositiveIntegerField(default=0)
    columns = models.PositiveIntegerField(default=0)


class Follow(models.Model):
    """How far the archive's changes have been followed; one row."""

    last = models.BigIntegerField(default=0)
    at = models.DateTimeField(auto_now=True)
    error = models.CharField(max_length=300, blank=True)
    """Why the archive could not be asked; empty when it could."""
