"""Routes below /v1 that this app answers."""

from django.urls import path

from scm.api import connections, views

_ONE = "scms/<str:scm_id>"

urlpatterns = [
    path("admin/scms", views.ScmAdminListView.as_view(), name="scm-admin-list"),
    path("admin/scms/<str:scm_id>", views.ScmAdminView.as_view(), name="scm-admin"),
    path("admin/scms/<str:scm_id>/default", views.ScmDefaultView.as_view(), name="scm-default"),
    path("scms", views.ScmListView.as_view(), name="scm-list"),
    path(_ONE, views.ScmView.as_view(), name="scm"),
    path(f"{_ONE}/oauth/start", connections.ConnectView.as_view(), name="scm-oauth-start"),
    path(f"{_ONE}/oauth/finish", connections.FinishView.as_view(), name="scm-oauth-finish"),
    path(
        f"{_ONE}/oauth/status",
        connections.AuthorizationStatusView.as_view(),
        name="scm-oauth-status",
    ),
    path(f"{_ONE}/oauth/revoke", connections.RevokeView.as_view(), name="scm-oauth-revoke"),
    path(
        f"{_ONE}/token/connect",
        connections.TokenConnectView.as_view(),
        name="scm-token-connect",
    ),
    path(f"{_ONE}/token/status", connections.TokenStatusView.as_view(), name="scm-token-status"),
]
