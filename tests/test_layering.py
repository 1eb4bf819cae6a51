"""Imports point downwards only (docs/architecture.md, style of the layers)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
APPS = [
    "algoport.audit",
    "algoport.accounts",
    "algoport.notifications",
    "algoport.configuration",
    "orgs",
    "scm",
    "dataportal",
    "algorithms",
]
# The composition root may import everything.
COMPOSITION_ROOT = {"platform/urls.py", "platform/asgi.py", "platform/celery.py"}
OUTER_LAYERS = {"api", "admin", "management", "tasks", "receivers", "apps"}


def modules() -> Iterator[tuple[Path, str]]:
    for top in ("platform", "orgs", "scm", "dataportal", "algorithms"):
        for path in sorted((ROOT / top).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if "environments/python3" in str(relative) or "agent" in relative.parts:
                continue
            name = ".".join(relative.with_suffix("").parts)
            yield relative, name.replace("platform", "algoport", 1).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def app_of(module: str) -> str | None:
    return next((app for app in APPS if module == app or module.startswith(app + ".")), None)


def layer_of(module: str, app: str) -> str:
    return module.removeprefix(app).lstrip(".").partition(".")[0]


@pytest.mark.parametrize(("path", "module"), list(modules()), ids=lambda value: str(value))
def test_imports_point_down(path: Path, module: str) -> None:
    if str(path) in COMPOSITION_ROOT:
        return
    own = app_of(module)
    for line, imported in imports_of(path):
        other = app_of(imported)
        where = f"{path}:{line} imports {imported}"
        if own is None:
            assert other is None, f"{where}: a library imports an app"
            continue
        if other is None:
            continue
        assert APPS.index(other) <= APPS.index(own), f"{where}: an app above it"
        if other != own:
            layer = layer_of(imported, other)
            assert layer not in {"tasks", "admin", "receivers"}, f"{where}: another app's {layer}"
            continue
        if layer_of(module, own) not in OUTER_LAYERS:
            assert layer_of(imported, own) not in {"api", "admin"}, f"{where}: HTTP from below"


def test_scm_and_dataportal_do_not_know_each_other() -> None:
    for path, module in modules():
        own = app_of(module)
        if own in ("scm", "dataportal"):
            other = "dataportal" if own == "scm" else "scm"
            for line, imported in imports_of(path):
                assert app_of(imported) != other, f"{path}:{line}"


def test_only_env_reads_the_environment() -> None:
    for path, _ in modules():
        if path == Path("platform/settings/env.py") or path.parts[1] in ("containers", "launcher"):
            continue
        if path.name in ("asgi.py", "beat.py", "celery.py"):
            continue
        source = (ROOT / path).read_text()
        assert "os.environ" not in source and "getenv" not in source, path
