"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.studies import views

urlpatterns = [
    path("", views.front, name="front"),
    path("studies/", views.studies, name="studies"),
    path("studies/<str:uid>/", views.study, name="study"),
    path("studies/<str:uid>/revision", views.revision, name="revision"),
    path("studies/<str:uid>/glass", views.glass, name="glass"),
    path("studies/<str:uid>/restrict", views.restrict, name="restrict"),
]
