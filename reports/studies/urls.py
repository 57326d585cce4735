"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.studies import views

urlpatterns = [path("", views.front, name="front")]
