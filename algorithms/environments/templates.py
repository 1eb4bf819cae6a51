"""The repository that a new algorithm starts with, one folder per environment recipe."""

import io
import tarfile
from functools import cache
from pathlib import Path

RECIPES = Path(__file__).parent


def list_recipes() -> list[str]:
    """The names that an environment's recipe can have."""
    return sorted(each.parent.name for each in RECIPES.glob("*/requirements.txt"))


@cache
def _template(recipe: str) -> tuple[tuple[str, bytes], ...]:
    folder = RECIPES / recipe / "template"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        (str(path.relative_to(folder)), path.read_bytes())
        for path in files
        if "__pycache__" not in path.parts
    )


def template_files(recipe: str, *, owner: str, name: str) -> dict[str, bytes]:
    """The files by path, with __USER__ and __ALGO__ filled in, in paths too."""
    return {
        path.replace("__ALGO__", name): _fill(content, owner, name)
        for path, content in _template(recipe)
    }


def template_archive(recipe: str) -> bytes:
    """The template as a gzipped tar, its tokens left as they are (spec.md 4.2)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in _template(recipe):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _fill(content: bytes, owner: str, name: str) -> bytes:
    return content.replace(b"__USER__", owner.encode()).replace(b"__ALGO__", name.encode())
