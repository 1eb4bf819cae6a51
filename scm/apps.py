from django.apps import AppConfig


class ScmConfig(AppConfig):
    name = "scm"

    def ready(self) -> None:
        from scm import receivers  # noqa: F401  (connects to the signals)
