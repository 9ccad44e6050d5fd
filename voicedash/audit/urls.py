"""Addresses below /t/<tenant>/log/."""

from django.urls import path

from voicedash.audit import views

urlpatterns = [
    path("", views.log_page, name="log"),
    path("export/", views.export_log, name="export-log"),
    path("sign-ins/", views.sign_ins, name="sign-ins"),
    path("sign-ins/export/", views.export_sign_ins, name="export-sign-ins"),
    path("<int:seq>/", views.entry, name="log-entry"),
]
