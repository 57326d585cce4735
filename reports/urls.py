"""Every address of the site; each room has its own."""

from django.urls import include, path
from django.views.i18n import set_language

from reports.people.gate import open_to_all

urlpatterns = [
    path("", include("reports.studies.urls")),
    path("", include("reports.viewer.urls")),
    path("", include("reports.writing.urls")),
    path("", include("reports.documents.urls")),
    path("", include("reports.people.urls")),
    path("", include("reports.trail.urls")),
    path("language", open_to_all(set_language), name="set_language"),
]
