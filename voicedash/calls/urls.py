"""Addresses below /t/<tenant>/."""

from django.urls import path

from voicedash.calls import bulk_views, leaving_views, views
from voicedash.calls.incidents import views as incident_views

urlpatterns = [
    path("", views.board, name="board"),
    path("calls/", views.add_calls, name="add-calls"),
    path("calls/<int:pk>/", views.row, name="row"),
    path("calls/<int:pk>/pause/", views.pause, name="pause"),
    path("calls/<int:pk>/resume/", views.resume, name="resume"),
    path("calls/<int:pk>/renew/", views.renew, name="renew"),
    path("conversations/<int:pk>/", views.conversation, name="conversation"),
    path("conversations/<int:pk>/pause/", views.pause_conversation, name="pause-conversation"),
    path("conversations/<int:pk>/resume/", views.resume_conversation, name="resume-conversation"),
    path("conversations/<int:pk>/renew/", views.renew_conversation, name="renew-conversation"),
    path("pause-all/", bulk_views.pause_all, name="pause-all"),
    path("resume-all/", bulk_views.resume_all, name="resume-all"),
    path("bulks/<int:pk>/repeat/", bulk_views.repeat, name="repeat-bulk"),
    path("own-pauses/", leaving_views.act, name="act-on-own-pauses"),
    path("incidents/", incident_views.incidents, name="incidents"),
    path("incidents/<int:pk>/", incident_views.incident, name="incident"),
    path("incidents/<int:pk>/take/", incident_views.take, name="take-incident"),
    path("incidents/<int:pk>/close/", incident_views.close, name="close-incident"),
    path("fetch/", views.fetch, name="fetch"),
]
