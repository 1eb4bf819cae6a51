"""The package index that builds may reach."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from functools import cache
from urllib.parse import urljoin, urlsplit

from algoport.containers.egress import CA_BUNDLE, PROXY_URL, proxy_environ
from algoport.containers.egress_policy import AllowedHosts
from algoport.containers.errors import IndexNotUsable

_PROBE_PROJECT = "pip"


def index_url() -> str:
    """The package index that pip on this machine uses. Raises IndexNotUsable."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    found = dict(re.findall(r"^(?::env:|\w+)\.(index-url)='([^']*)'", done.stdout, re.MULTILINE))
    url = os.environ.get("PIP_INDEX_URL") or found.get("index-url")
    if url is None:
        # pip's own default, asked of pip: it is the one that knows.
        code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
        default = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        url = default.stdout.strip()
    if urlsplit(url).username:
        raise IndexNotUsable(
            "The package index's address holds credentials, which builds would see. "
            "Configure an index or a mirror without them."
        )
    return url


@cache
def index_policy() -> AllowedHosts:
    """The index's host and those that serve its files, as the index itself tells."""
    url = index_url().rstrip("/") + "/"
    hosts = {_address(url)}
    request = urllib.request.Request(  # noqa: S310  (the administrator chose the address)
        urljoin(url, f"{_PROBE_PROJECT}/"),
        headers={"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            base, page = answer.geturl(), answer.read(16 * 1024 * 1024)
            is_json = "json" in answer.headers.get("Content-Type", "")
    except OSError as exc:
        raise IndexNotUsable(f"The package index does not answer: {exc}") from exc
    if is_json:
        links = [file["url"] for file in json.loads(page)["files"]]
    else:
        links = re.findall(r'href="([^"#]+)', page.decode("utf-8", "replace"))
    hosts.update(_address(urljoin(base, link)) for link in links[-200:])
    return AllowedHosts(frozenset(hosts))


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def index_environ() -> dict[str, str]:
    """What pip in a build step needs to know."""
    return {
        **proxy_environ(),
        "PIP_INDEX_URL": index_url(),
        "PIP_PROXY": PROXY_URL,
        "PIP_CERT": CA_BUNDLE,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_NO_WARN_SCRIPT_LOCATION": "1",
    }
