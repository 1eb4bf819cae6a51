from django.apps import AppConfig


class AlgorithmsConfig(AppConfig):
    name = "algorithms"

    def ready(self) -> None:
        from algorithms import receivers  # noqa: F401  (connects to the signals)
        from algorithms.data_finder import KeptAlgorithms
        from algorithms.repository_host import AlgorithmRepositories
        from dataportal.algorithm_finder import register_finder
        from scm.host import register_host

        register_host(AlgorithmRepositories())
        register_finder(KeptAlgorithms())
