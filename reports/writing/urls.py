"""The addresses of this room."""

from __future__ import annotations

from django.urls import path

from reports.writing import saving, views

urlpatterns = [
    path("studies/<str:uid>/reports/", views.new, name="report-new"),
    path("reports/<int:pk>/", views.report, name="report"),
    path("reports/<int:pk>/proceed", views.proceed, name="report-proceed"),
    path("reports/<int:pk>/take", views.take, name="report-take"),
    path("reports/<int:pk>/drop", views.drop, name="report-drop"),
    path("reports/<int:pk>/sign", views.sign_off, name="report-sign"),
    path("reports/<int:pk>/differences/<int:old>/<int:new>", views.differences, name="differences"),
    path("drafts/<int:pk>/", saving.state, name="draft"),
    path("drafts/<int:pk>/save", saving.save, name="draft-save"),
]
