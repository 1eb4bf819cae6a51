"""Routes below /v1 that this app answers."""

from django.urls import path

from algoport.accounts.api import audit, keys, users

urlpatterns = [
    path("users", users.UserListView.as_view(), name="user-list"),
    path("users/<str:username>", users.UserView.as_view(), name="user"),
    path("users/<str:username>/keys", keys.UserKeyListView.as_view(), name="key-list"),
    path("admin/audit", audit.AuditListView.as_view(), name="audit-list"),
    # What the protocol calls the same for administrators.
    path("admin/users/<str:username>/keys", keys.UserKeyListView.as_view()),
]
