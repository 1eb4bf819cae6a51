"""Images of environments, dependency layers and algorithms in a Docker engine.

An algorithm's image is its environment's, with a layer of packages that all with the same
requirements share, and a layer of its source. They are made of folders that builds have filled:
nothing of an algorithm runs while they are made.
"""

import io
import logging
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from algoport.containers.base_image import base_image_of
from algoport.containers.docker_base import IMAGE_SETTINGS, make_from_parent
from algoport.containers.engine import Image
from algoport.containers.errors import BaseImageMissing, ImageNotMade, IndexNotUsable
from algoport.containers.package_index import index_url

logger = logging.getLogger(__name__)

REPOSITORY = "algoport"
PLATFORM_LABEL = "algoport.platform"
BUILD_LABEL, PACKAGES_LABEL = "algoport.build", "algoport.packages"
_DESCRIPTION = "Dockerfile"
_CHUNK = 1024 * 1024
# Where something is mounted or copied to.
_FOLDERS = ("opt", "opt/algorithm", "opt/packages", "opt/algoport", "run", "tmp")


class Images:
    """The images of one platform in an engine, which may have others'.

    `registry` is where other hosts get them from, "" for nowhere.
    """

    def __init__(self, client: "docker.APIClient", platform: str, registry: str) -> None:
        self.client = client
        self._platform = platform
        self._registry = registry
        self._lock = threading.Lock()
        # Another one: what is fetched for it may be large.
        self._base_lock = threading.Lock()

    def of_environment(self, environment: Path) -> str:
        """Its tag; the image is made of the folder when there is none.

        Raises BaseImageMissing, ImageNotMade.
        """
        tag = tag_of_environment(environment)
        base_image = base_image_of(environment)
        if base_image:
            with self._base_lock:
                if not self.exists(tag):
                    self._make_of_base(base_image, environment, tag)
            return tag
        with self._lock:
            if not self.exists(tag):
                self._import(environment, tag)
        return tag

    def of(self, image: Image) -> str:
        """The tag of an algorithm's image: here already, in the registry, or made of its folders.

        Raises ImageNotMade.
        """
        tag = self._tag_of(image)
        if self.exists(tag) or self._pull(tag):
            return tag
        return self.make(image, {})

    def make(self, image: Image, labels: Mapping[str, str]) -> str:
        """Make it of its folders, and push it where a registry is. Raises ImageNotMade."""
        base = self.of_environment(image.environment)
        for folder in filter(None, (image.source, image.packages)):
            if not folder.is_dir():
                raise ImageNotMade(f"there is no folder {folder} to make an image of")
        with self._lock:
            if image.packages is not None:
                base = self._make_packages(base, image.packages)
            tag = self._tag_of(image)
            said = {BUILD_LABEL: image.source.name, **labels}
            self._build(tag, base, image.source, "/opt/algorithm", said)
        self._push(tag)
        return tag

    def prune(self, builds: frozenset[str], packages: frozenset[str]) -> int:
        """Remove the images of all other builds, and layers of other packages; how many."""
        count = 0
        for label, kept in ((BUILD_LABEL, builds), (PACKAGES_LABEL, packages)):
            ours = {"label": [label, f"{PLATFORM_LABEL}={self._platform}"], "dangling": False}
            for found in self.client.images(filters=ours):
                # An algorithm's image has the label of its packages too.
                own = found["Labels"].get(BUILD_LABEL) if label == PACKAGES_LABEL else None
                if own is None and found["Labels"][label] not in kept:
                    count += self._remove(found["Id"])
        return count

    def _remove(self, image: str) -> bool:
        try:
            self.client.remove_image(image, force=False)
        except APIError as exc:
            # A container of it still runs: the next time.
            logger.info("image %s is not removed yet: %s", image, exc.explanation)
            return False
        return True

    def _tag_of(self, image: Image) -> str:
        prefix = f"{self._registry}/" if self._registry else f"{REPOSITORY}/"
        return f"{prefix}algorithm-{image.source.parent.name}:{image.source.name}"

    def exists(self, tag: str) -> bool:
        try:
            self.client.inspect_image(tag)
        except ImageNotFound:
            return False
        return True

    def _import(self, root: Path, tag: str) -> None:
        """From the environment's root file system, as the sandbox runtime uses it."""
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w|") as archive:
                for part in ("usr", "etc"):
                    archive.add(root / part, part, filter=_as_root)
                for link in ("bin", "lib", "lib64", "sbin"):
                    entry = tarfile.TarInfo(link)
                    entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{link}"
                    archive.addfile(entry)
                for folder in _FOLDERS:
                    entry = tarfile.TarInfo(folder)
                    entry.type = tarfile.DIRTYPE
                    entry.mode = 0o1777 if folder == "tmp" else 0o755
                    archive.addfile(entry)
            packed.seek(0)
            repository, _, version = tag.rpartition(":")
            # Not the file itself: the SDK says that it comes in chunks.
            chunks = iter(partial(packed.read, _CHUNK), b"")
            self.client.import_image_from_stream(
                chunks, repository=repository, tag=version, changes=list(IMAGE_SETTINGS)
            )
        if not self.exists(tag):
            raise ImageNotMade(f"the engine did not take the environment {root.name}")

    def _make_of_base(self, base_image: str, environment: Path, tag: str) -> None:
        try:
            index = {"PIP_INDEX_URL": index_url()}
        except IndexNotUsable as exc:
            raise ImageNotMade(str(exc)) from exc
        if not make_from_parent(self.client, base_image, environment, tag, index):
            raise BaseImageMissing(
                f"the base image {base_image} is not on this host, and no registry gives it"
            )

    def _make_packages(self, base: str, packages: Path) -> str:
        tag = f"{REPOSITORY}/packages:{packages.name}"
        if not self.exists(tag):
            self._build(tag, base, packages, "/opt/packages", {PACKAGES_LABEL: packages.name})
        return tag

    def _build(
        self, tag: str, base: str, folder: Path, target: str, labels: Mapping[str, str]
    ) -> None:
        """An image of two lines: what it is made from, and what is copied into it."""
        lines = f"FROM {base}\nCOPY content {target}\n"
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w|") as archive:
                entry = tarfile.TarInfo(_DESCRIPTION)
                entry.size = len(lines)
                archive.addfile(entry, io.BytesIO(lines.encode()))
                archive.add(folder, "content", filter=_as_root)
            packed.seek(0)
            said = list(
                self.client.build(
                    fileobj=packed,
                    custom_context=True,
                    tag=tag,
                    rm=True,
                    forcerm=True,
                    labels={PLATFORM_LABEL: self._platform, **labels},
                    network_mode="none",
                    decode=True,
                )
            )
        errors = [each["error"] for each in said if "error" in each]
        if errors:
            raise ImageNotMade(f"the engine did not make the image {tag}: {errors[0]}")

    def _pull(self, tag: str) -> bool:
        if not self._registry:
            return False
        with suppress(ImageNotFound):
            try:
                self.client.pull(tag)
            except APIError as exc:
                logger.info("%s is not in the registry: %s", tag, exc.explanation)
        return self.exists(tag)

    def _push(self, tag: str) -> None:
        if not self._registry:
            return
        try:
            said = list(self.client.push(tag, stream=True, decode=True))
        except DockerException as exc:
            raise ImageNotMade(f"the registry did not take {tag}: {exc}") from exc
        errors = [each["error"] for each in said if "error" in each]
        if errors:
            raise ImageNotMade(f"the registry did not take {tag}: {errors[0]}")


def tag_of_environment(environment: Path) -> str:
    """The name of its image; the folder is named by all that went into it."""
    name, _, fingerprint = environment.name.rpartition("-")
    return f"{REPOSITORY}/{name}:{fingerprint}"


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
