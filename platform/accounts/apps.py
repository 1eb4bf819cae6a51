from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "algoport.accounts"
    label = "accounts"

    def ready(self) -> None:
        from algoport.accounts import receivers  # noqa: F401  (connects to the signals)
