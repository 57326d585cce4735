"""Django's name for this room."""

from django.apps import AppConfig

from reports.writing.template import examinations


class Writing(AppConfig):
    """Reports and their versions."""

    name = "reports.writing"

    def ready(self) -> None:
        """A template that is wrong stops the site now, and not a report later."""
        examinations()
