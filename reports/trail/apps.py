"""Django's name for this room."""

from django.apps import AppConfig


class Trail(AppConfig):
    """What was done by whom; nobody changes it."""

    name = "reports.trail"
