"""Django's name for this room."""

from django.apps import AppConfig


class Writing(AppConfig):
    """Reports and their versions."""

    name = "reports.writing"
