from django.apps import AppConfig


class ConfigurationConfig(AppConfig):
    name = "algoport.configuration"
    label = "configuration"
