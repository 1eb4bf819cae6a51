"""Where images and dependency layers lie on disk."""

import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings


def image_folder(algorithm_id: UUID, build_id: UUID) -> Path:
    return Path(settings.IMAGES_FOLDER) / str(algorithm_id) / str(build_id)


def packages_folder(digest: str) -> Path:
    """Folder of the dependency layer with this digest of its requirements."""
    return Path(settings.SERVICE_FOLDER) / "packages" / digest


def remove_image(folder: Path) -> None:
    """Remove an image; what a running sandbox has open stays readable to it until it ends."""
    if folder.exists():
        shutil.rmtree(folder)


def remove_algorithm_images(algorithm_id: UUID) -> None:
    remove_image(Path(settings.IMAGES_FOLDER) / str(algorithm_id))
