from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "algoport.web"
    label = "web"
