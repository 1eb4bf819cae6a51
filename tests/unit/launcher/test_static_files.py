"""Static files are put in place once, and anew when any of them is another."""

import json
import os
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from pytest_django import Settings

from algoport.launcher.static_files import collect_static_files


@pytest.fixture
def source(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [folder]
    settings.STATIC_ROOT = tmp_path / "static"
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": backend}}
    return folder


def kept(settings: Settings) -> dict[str, str]:
    manifest = json.loads((Path(settings.STATIC_ROOT) / "staticfiles.json").read_text())
    return {name: str(hashed) for name, hashed in manifest["paths"].items()}


def test_a_change_has_another_name(source: Path, settings: Settings) -> None:
    (source / "site.css").write_text("body { background: url(one.png) }")
    (source / "one.png").write_bytes(b"one")
    collect_static_files()
    first = kept(settings)
    text = (Path(settings.STATIC_ROOT) / first["site.css"]).read_text()
    assert first["one.png"] in text and first["site.css"] != "site.css"
    # An older file takes the place of a newer one, as when a release is taken back.
    (source / "one.png").write_bytes(b"two")
    os.utime(source / "one.png", (0, 0))
    collect_static_files()
    second = kept(settings)
    assert second["one.png"] != first["one.png"] and second["site.css"] != first["site.css"]
    assert (Path(settings.STATIC_ROOT) / second["one.png"]).read_bytes() == b"two"


def test_what_is_in_place_is_left_alone(source: Path, settings: Settings) -> None:
    (source / "site.css").write_text("body {}")
    collect_static_files()
    mark = Path(settings.STATIC_ROOT) / "mark"
    mark.touch()
    collect_static_files()
    assert mark.exists() and staticfiles_storage.url("site.css") != "/static/site.css"
    (source / "more.css").touch()
    collect_static_files()
    assert not mark.exists()
