"""The audit trail: each entry carries the hash of the one before, and the web can only add."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """Something that was done (IHE ATNA: who, when, from where, what, to which patient's what)."""

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=32, db_index=True)
    """``login``, ``view``, ``sign``, …: reports/trail/record.py lists them."""
    outcome = models.CharField(max_length=8)
    """``success`` or ``failure``."""
    person = models.CharField(max_length=150, db_index=True)
    """The account's name, also of one that does not exist."""
    address = models.CharField(max_length=45)
    patient_id = models.CharField(max_length=64, blank=True, db_index=True)
    study = models.CharField(max_length=64, blank=True, db_index=True)
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 over the previous one and all of this (reports/trail/migrations)."""

    web_may = ("SELECT",)
    """It adds by the function ``trail_append`` alone, which belongs to the owner."""
