from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "algoport.accounts"
    label = "accounts"
