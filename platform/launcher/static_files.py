"""Puts style sheets, scripts and images where web processes serve them from."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_static_files() -> None:
    """Copy them under hashed names, unless these very files are there."""
    folder = Path(settings.STATIC_ROOT)
    # Outside of the folder: what is in it is served.
    done = folder.with_name(f"{folder.name}-collected")
    wanted = _fingerprint()
    if not done.exists() or done.read_text() != wanted:
        done.unlink(missing_ok=True)
        # An older file that replaces a newer one would be taken for the same without `clear`.
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        done.write_text(wanted)


def _fingerprint() -> str:
    """Of their content: files of an image may all be of the same moment."""
    told = hashlib.sha256(f"{django.__version__} {settings.STORAGES['staticfiles']}".encode())
    for path, file in sorted(_files()):
        told.update(f"{path}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return told.hexdigest()


def _files() -> Iterator[tuple[str, Path]]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            yield path, Path(storage.path(path))
