"""Routes of the pages of notifications."""

from django.urls import path

from algoport.notifications.web import views

urlpatterns = [
    path("user/notifications", views.notifications, name="notifications"),
    path("user/notifications/read", views.read_all, name="notifications-read"),
    path(
        "user/notifications/<uuid:notification_id>/read", views.read_one, name="notification-read"
    ),
]
