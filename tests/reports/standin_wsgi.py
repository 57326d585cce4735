"""The same for a server of its own: what gunicorn serves in the browser's test."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reports.settings")
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "standin"
settings.LOGIN_URL = "/login"
settings.DEBUG = True  # the static files: Apache serves them on a box
application = StaticFilesHandler(get_wsgi_application())
