from django.apps import AppConfig


class AlgorithmsConfig(AppConfig):
    name = "algorithms"

    def ready(self) -> None:
        from algorithms import receivers  # noqa: F401  (connects to the signals)
        from algorithms.repository_host import AlgorithmRepositories
        from scm.host import register_host

        register_host(AlgorithmRepositories())
