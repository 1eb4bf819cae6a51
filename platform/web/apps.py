from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "algoport.web"
    label = "web"

    def ready(self) -> None:
        from algoport.web import checks  # noqa: F401
