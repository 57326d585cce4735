"""Django's name for this room."""

from django.apps import AppConfig


class People(AppConfig):
    """Accounts, roles, logging in."""

    name = "reports.people"
