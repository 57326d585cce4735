"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.studies import restricting, views

urlpatterns = [
    path("", views.front, name="front"),
    path("studies/", views.studies, name="studies"),
    path("studies/rows", views.rows, name="study-rows"),
    path("studies/<str:uid>/", views.study, name="study"),
    path("studies/<str:uid>/state", views.state, name="study-state"),
    path("studies/<str:uid>/break-glass", restricting.glass, name="break-glass"),
    path("sheets/<str:device>", views.sheet, name="sheet"),
    path("restricted/", restricting.restricted, name="restricted"),
    path("restricted/<int:pk>/end", restricting.unrestrict, name="unrestrict"),
]
