"""The bare address."""

from django.urls import path

from voicedash.tenants import views

urlpatterns = [path("", views.home, name="home")]
