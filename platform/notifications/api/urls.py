"""Routes below /v1 that this app answers."""

from django.urls import path

from algoport.notifications.api.views import NotificationListView

urlpatterns = [
    path(
        "users/<str:user_id>/notifications",
        NotificationListView.as_view(),
        name="notification-list",
    ),
]
