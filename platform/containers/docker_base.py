"""The image of an environment made from a registry's Python, where one is reachable."""

import logging
from collections.abc import Mapping
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Mount

from algoport.containers.docker_images import IMAGE_SETTINGS
from algoport.containers.errors import ImageNotMade

logger = logging.getLogger(__name__)

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_CA_INSIDE = "/tmp/recipe-ca.crt"
# Into the parent's own place for packages; byte code too, because nobody can write it later.
_INSTALL = """
set -eu
packages=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
    -r /tmp/recipe/requirements.txt
if [ -d /tmp/recipe/site ]; then cp -R /tmp/recipe/site/. "$packages"; fi
python3 -m compileall -q "$packages" || true
mkdir -p /opt/algorithm /opt/packages /opt/algoport
[ -x /usr/local/bin/python3 ] || ln -s "$(command -v python3)" /usr/local/bin/python3
"""


def make_from_parent(
    client: "docker.APIClient", parent: str, recipe: Path, tag: str, index: Mapping[str, str]
) -> bool:
    """Make `tag` of the image `parent` and a recipe's packages; False when there is no parent.

    `index` is what pip needs to know. Neither that nor the host's certificates stay in the image,
    which is what is left in the container's file system. Raises ImageNotMade.
    """
    if not _has(client, parent):
        return False
    # In /tmp: what they were mounted on stays in the image, and runs see another one there.
    mounts = [Mount("/tmp/recipe", str(recipe), type="bind", read_only=True)]
    environ = dict(index)
    if CA_BUNDLE.exists():
        mounts.append(Mount(_CA_INSIDE, str(CA_BUNDLE), type="bind", read_only=True))
        environ["PIP_CERT"] = _CA_INSIDE
    container = client.create_container(
        parent,
        ["sh", "-c", _INSTALL],
        environment=environ,
        host_config=client.create_host_config(mounts=mounts),
    )["Id"]
    try:
        client.start(container)
        if client.wait(container)["StatusCode"] != 0:
            said = client.logs(container, tail=20).decode("utf-8", "replace").strip()
            raise ImageNotMade(f"the packages of {recipe.name} were not installed: {said}")
        repository, _, version = tag.rpartition(":")
        client.import_image_from_stream(
            client.export(container),
            repository=repository,
            tag=version,
            changes=list(IMAGE_SETTINGS),
        )
    except DockerException as exc:
        raise ImageNotMade(f"{tag} was not made of {parent}: {exc}") from exc
    finally:
        client.remove_container(container, force=True)
    return True


def _has(client: "docker.APIClient", parent: str) -> bool:
    try:
        client.inspect_image(parent)
    except ImageNotFound:
        try:
            client.pull(parent)
        except (APIError, NotFound) as exc:
            logger.info("no registry gives %s: %s", parent, exc)
            return False
    return True
