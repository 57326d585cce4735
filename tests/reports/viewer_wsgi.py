"""The site for a browser test: with its static files, which Apache serves on a box."""

from __future__ import annotations

from django.contrib.staticfiles.handlers import StaticFilesHandler

from reports.wsgi import application as site

application = StaticFilesHandler(site)
