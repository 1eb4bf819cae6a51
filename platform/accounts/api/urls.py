"""Routes below /v1 that this app answers."""

from django.urls import path

from algoport.accounts.api import users

urlpatterns = [
    path("users", users.UserListView.as_view(), name="user-list"),
    path("users/<str:username>", users.UserView.as_view(), name="user"),
]
