"""What gunicorn serves in the browser's test: the static files too, which Apache has on a box."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler

from reports.wsgi import application as site

settings.DEBUG = True
application = StaticFilesHandler(site)
