"""Addresses below /t/<tenant>/."""

from django.urls import path

from voicedash.calls import views

urlpatterns = [
    path("", views.board, name="board"),
    path("calls/", views.add_calls, name="add-calls"),
    path("calls/<int:pk>/", views.row, name="row"),
    path("calls/<int:pk>/pause/", views.pause, name="pause"),
    path("calls/<int:pk>/resume/", views.resume, name="resume"),
    path("fetch/", views.fetch, name="fetch"),
]
