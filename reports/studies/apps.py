"""Django's name for this room."""

from django.apps import AppConfig


class Studies(AppConfig):
    """The reading list, from the archive."""

    name = "reports.studies"
