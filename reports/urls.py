"""Every address of the site; each room has its own."""

from django.urls import include, path

urlpatterns = [
    path("", include("reports.studies.urls")),
    path("", include("reports.viewer.urls")),
    path("", include("reports.writing.urls")),
    path("", include("reports.documents.urls")),
    path("", include("reports.people.urls")),
    path("", include("reports.trail.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
