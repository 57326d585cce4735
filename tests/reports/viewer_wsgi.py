"""The site for a browser test: with its static files, which Apache serves on a box."""

from __future__ import annotations

from viewer_site import stub_access

stub_access()

from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402

from reports.wsgi import application as site  # noqa: E402

application = StaticFilesHandler(site)
