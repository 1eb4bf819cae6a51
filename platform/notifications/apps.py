from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "algoport.notifications"
    label = "notifications"

    def ready(self) -> None:
        from algoport.notifications import receivers  # noqa: F401  (connects to the signals)
