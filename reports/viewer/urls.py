"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.viewer import views

urlpatterns = [
    path("studies/<str:uid>/viewer", views.page, name="viewer"),
    path("studies/<str:uid>/images", views.images, name="study-images"),
    path("images/<str:uid>/meta", views.meta, name="image-meta"),
    path("images/<str:uid>/pixels", views.pixels, name="pixels"),
]
