"""The addresses of the process itself."""

from django.urls import path

from voicedash.live import views

urlpatterns = [path("healthz", views.healthz, name="healthz")]
