"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.people import views

urlpatterns = [
    path("login", views.log_in, name="login"),
    path("logout", views.log_out, name="logout"),
    path("register", views.register, name="register"),
    path("account", views.account, name="account"),
    path("people/", views.people, name="people"),
    path("people/<int:pk>", views.decide, name="decide"),
]
