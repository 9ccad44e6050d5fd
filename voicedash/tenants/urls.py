"""The bare address, and the first admin's."""

from django.urls import path

from voicedash.tenants import views

urlpatterns = [path("", views.home, name="home"), path("setup/<str:token>/", views.first_admin, name="setup")]
