"""Every address there is."""

from allauth.account.views import password_change
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from voicedash.calls import leaving_views

urlpatterns = [
    path("", include("voicedash.tenants.urls")),
    path("t/<slug:tenant>/", include("voicedash.calls.urls")),
    path("t/<slug:tenant>/log/", include("voicedash.audit.urls")),
    # Of allauth's addresses only these: nobody signs up, and passwords are reset by an admin.
    path("accounts/login/", leaving_views.sign_in, name="account_login"),
    path("accounts/logout/", leaving_views.sign_out, name="account_logout"),
    path("accounts/paused/", leaving_views.own_pauses, name="own-pauses"),
    path("accounts/password/change/", password_change, name="account_change_password"),
    # Admin's own forms for the same know neither the lock nor the log.
    path("admin/login/", login_not_required(RedirectView.as_view(pattern_name="account_login", query_string=True))),
    path("admin/logout/", leaving_views.sign_out),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
]
