"""Routes of the pages on which people sign in; allauth finds its own by their names."""

from allauth.account import views as allauth
from allauth.urls import build_provider_urlpatterns
from django.urls import include, path, re_path
from django.views.decorators.cache import never_cache

from algoport.accounts.web import address, keys, profile, views

urlpatterns = [
    path("signin", allauth.login, name="account_login"),
    path("signup", views.SignUpView.as_view(), name="account_signup"),
    path("signout", allauth.logout, name="account_logout"),
    path("signin/inactive", allauth.account_inactive, name="account_inactive"),
    path("signin/again", allauth.reauthenticate, name="account_reauthenticate"),
    path("signin/reset", allauth.password_reset, name="account_reset_password"),
    path("signin/reset/sent", allauth.password_reset_done, name="account_reset_password_done"),
    path(
        "signin/reset/done",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^signin/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "signup/verify",
        allauth.email_verification_sent,
        name="account_email_verification_sent",
    ),
    re_path(
        r"^signup/verify/(?P<key>[-:\w]+)$", allauth.confirm_email, name="account_confirm_email"
    ),
    path("signin/with/", include("allauth.socialaccount.urls")),
    path("signin/with/", include(build_provider_urlpatterns())),
    path("welcome", views.welcome, name="welcome"),
    path("user/profile", profile.profile, name="profile"),
    path("user/address", address.address, name="address"),
    path("user/keys", keys.keys, name="keys"),
    path("user/keys/new", keys.new_key, name="key-new"),
    path("user/keys/made", keys.key_made, name="key-made"),
    path("user/keys/<uuid:key_id>/revoke", keys.revoke, name="key-revoke"),
    path("user/sessions", never_cache(views.SessionsView.as_view()), name="sessions"),
    path("user/password", allauth.password_change, name="account_change_password"),
    path("user/password/set", allauth.password_set, name="account_set_password"),
    path("user/two-factor/", include("allauth.mfa.urls")),
]
