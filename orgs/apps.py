from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"

    def ready(self) -> None:
        from algoport.accounts.web.admission import register_voucher
        from orgs import receivers  # noqa: F401  (connects to the signals)
        from orgs.web.arrivals import came_by_invitation

        register_voucher(came_by_invitation)
