"""For `bench.auditing` alone, by PYTHONPATH: the Data API without its audit."""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

AUDITED = "dataportal.auditing.records"


class _Unaudited:
    """Lets the module load as it is, and takes the work out of its journal."""

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != AUDITED:
            return None
        spec = PathFinder.find_spec(name, path)  # type: ignore[arg-type]
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def load_without(module: ModuleType) -> None:
            load(module)
            journal = module.AccessJournal
            journal.recorded = lambda self, scope, receive, send: (
                module.Access(scope[module.TRACE], scope["method"]),
                receive,
                send,
            )
            journal.end = lambda self, access: None

        spec.loader.exec_module = load_without  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Unaudited())
