from django.apps import AppConfig


class DataportalConfig(AppConfig):
    name = "dataportal"
    verbose_name = "Data"
