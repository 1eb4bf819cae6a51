"""The image of an environment made from another image that has Python."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound
from docker.types import Mount

from algoport.containers.errors import ImageNotMade

logger = logging.getLogger(__name__)

IMAGE_SETTINGS = (
    "ENV PATH=/usr/local/bin:/usr/bin:/bin",
    "ENV PYTHONUNBUFFERED=1",
    'CMD ["python3"]',
)
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_CA_INSIDE = "/tmp/recipe-ca.crt"
_INSTALL_SECONDS = 1800
# Into the parent's own place for packages; byte code too, because nobody can write it later.
_INSTALL = """
set -eu
PATH="${PATH:-}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
python=/usr/local/bin/python3
[ -x "$python" ] || python=$(command -v python3) || { echo "it has no python3" >&2; exit 1; }
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$python" -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
    -r /tmp/recipe/requirements.txt
if [ -d /tmp/recipe/site ]; then cp -R /tmp/recipe/site/. "$packages"; fi
"$python" -m compileall -q "$packages" || true
mkdir -p /opt/algorithm /opt/packages /opt/algoport /usr/local/bin
[ -x /usr/local/bin/python3 ] || ln -s "$python" /usr/local/bin/python3
"""
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([^\x00-\x1f]*)")


def make_from_parent(
    client: "docker.APIClient", parent: str, recipe: Path, tag: str, index: Mapping[str, str]
) -> bool:
    """Make `tag` of the image `parent` and a recipe's packages; False when there is no parent.

    `index` is what pip needs to know. Neither that nor the host's certificates stay in the image,
    which is what is left in the container's file system, with the parent's variables. Raises
    ImageNotMade.
    """
    if not _has(client, parent):
        return False
    container = ""
    try:
        container = _create(client, parent, recipe, index)
        client.start(container)
        if client.wait(container, timeout=_INSTALL_SECONDS)["StatusCode"] != 0:
            said = client.logs(container, tail=20).decode("utf-8", "replace").strip()
            raise ImageNotMade(f"the packages of {recipe.name} were not installed: {said}")
        repository, _, version = tag.rpartition(":")
        client.import_image_from_stream(
            client.export(container),
            repository=repository,
            tag=version,
            changes=[*_variables(client, parent), *IMAGE_SETTINGS],
        )
    except (DockerException, OSError) as exc:
        raise ImageNotMade(f"{tag} was not made of {parent}: {exc}") from exc
    finally:
        if container:
            client.remove_container(container, force=True)
    return True


def _create(client: "docker.APIClient", parent: str, recipe: Path, index: Mapping[str, str]) -> str:
    # In /tmp: what they were mounted on stays in the image, and runs see another one there.
    mounts = [Mount("/tmp/recipe", str(recipe), type="bind", read_only=True)]
    environ = dict(index)
    if CA_BUNDLE.exists():
        mounts.append(Mount(_CA_INSIDE, str(CA_BUNDLE), type="bind", read_only=True))
        environ["PIP_CERT"] = _CA_INSIDE
    made: str = client.create_container(
        parent,
        [],
        # Whatever the parent starts with, and as whom.
        entrypoint=["/bin/sh", "-c", _INSTALL],
        user="0:0",
        working_dir="/",
        environment=environ,
        host_config=client.create_host_config(mounts=mounts),
    )["Id"]
    return made


def _variables(client: "docker.APIClient", parent: str) -> list[str]:
    """The parent's variables, as an image's description sets them."""
    said = client.inspect_image(parent)["Config"].get("Env") or []
    found = [match.groups() for each in said if (match := _VARIABLE.fullmatch(each))]
    return [f"ENV {name}={_quoted(value)}" for name, value in found]


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$")


def _has(client: "docker.APIClient", parent: str) -> bool:
    try:
        client.inspect_image(parent)
    except ImageNotFound:
        try:
            said = list(client.pull(parent, stream=True, decode=True))
        except (DockerException, OSError) as exc:
            logger.warning("no registry gives %s: %s", parent, exc)
            return False
        errors = [each["error"] for each in said if "error" in each]
        if errors:
            logger.warning("the registry does not give %s whole: %s", parent, errors[0])
            return False
    return True
