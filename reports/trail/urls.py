"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.trail import views

urlpatterns = [
    path("trail/", views.trail, name="trail"),
    path("trail/export", views.export, name="trail-export"),
]
