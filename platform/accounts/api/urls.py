"""Routes below /v1 that this app answers."""

from django.urls import path

from algoport.accounts.api import audit, invites, keys, sessions, users

urlpatterns = [
    path("users", users.UserListView.as_view(), name="user-list"),
    path("users/<str:username>", users.UserView.as_view(), name="user"),
    path("users/<str:username>/keys", keys.UserKeyListView.as_view(), name="key-list"),
    path("admin/audit", audit.AuditListView.as_view(), name="audit-list"),
    path("users/<str:username>/keys/<uuid:key_id>", keys.UserKeyView.as_view(), name="key"),
    path(
        "users/<str:username>/sessions",
        sessions.SessionListView.as_view(),
        name="session-list",
    ),
    path(
        "users/<str:username>/sessions/<uuid:session_id>",
        sessions.SessionView.as_view(),
        name="session",
    ),
    # What the protocol calls the same for administrators.
    path("admin/users/<str:username>/keys", keys.AdministeredKeyListView.as_view()),
    path("admin/invites", invites.InviteListView.as_view(), name="invite-list"),
    path("admin/invites/<str:code>", invites.InviteView.as_view(), name="invite"),
]
