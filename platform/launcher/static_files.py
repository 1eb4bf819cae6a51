"""Puts style sheets, scripts and images where web processes serve them from."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_static_files() -> int:
    """Copy them under hashed names, unless these very files were; the status of the step."""
    folder = Path(settings.STATIC_ROOT)
    # Outside of the folder: what is in it is served.
    done = folder.with_name(f"{folder.name}-collected")
    wanted = _fingerprint()
    if not done.exists() or done.read_text() != wanted:
        done.unlink(missing_ok=True)
        # An older file that replaces a newer one would be taken for the same without `clear`.
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        done.write_text(wanted)
    return 0


def _fingerprint() -> str:
    lines = sorted({django.__version__, str(settings.STORAGES["staticfiles"]), *_files()})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            told = Path(storage.path(path)).stat()
            yield f"{path} {told.st_size} {told.st_mtime_ns}"
