"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.documents import views

VERSION = "reports/<int:pk>/versions/<int:number>/"
urlpatterns = [
    path(VERSION, views.version, name="version"),
    path(f"{VERSION}pdf", views.pdf, name="pdf"),
    path(f"{VERSION}printed", views.printed, name="printed"),
    path(f"{VERSION}fax", views.fax, name="fax"),
    path("sent/<int:pk>/again", views.again, name="send-again"),
    path("images/<str:uid>/picture", views.picture, name="picture"),
    path("studies/<str:uid>/export", views.export, name="export"),
]
