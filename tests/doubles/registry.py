"""A registry of images, as Docker engines speak with one: blobs, uploads and manifests."""

import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.doubles.http import Handler, serving


@dataclass
class Registry:
    """What was pushed; `address` is HOST:PORT, which engines take without TLS for loopback."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)


class _Handler(Handler):
    registry: Registry

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self.body()
        if parts.path == "/v2/":
            self.answer(200)
        elif match := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", parts.path):
            self._upload(match[1], match[2], body, parse_qs(parts.query))
        elif match := re.fullmatch(r"/v2/(.+)/blobs/(sha256:.+)", parts.path):
            found = self.registry.blobs.get(match[2])
            self._give(found, "application/octet-stream")
        elif match := re.fullmatch(r"/v2/(.+)/manifests/(.+)", parts.path):
            self._manifest(match[1], match[2], body)
        else:
            self.answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_any

    def _upload(self, name: str, upload: str, body: bytes, query: dict[str, list[str]]) -> None:
        uploads = self.registry.uploads
        if not upload:
            upload = uuid.uuid4().hex
            uploads[upload] = b""
        uploads[upload] += body
        if self.command == "PUT":
            content, digest = uploads.pop(upload), query["digest"][0]
            assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.registry.blobs[digest] = content
            self.answer(201, Location=f"/v2/{name}/blobs/{digest}")
            return
        size = len(uploads[upload])
        where = f"/v2/{name}/blobs/uploads/{upload}"
        self.answer(202, Location=where, Range=f"0-{max(size - 1, 0)}")

    def _manifest(self, name: str, reference: str, body: bytes) -> None:
        manifests = self.registry.manifests
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for each in (reference, digest):
                manifests[(name, each)] = (self.headers["Content-Type"], body)
            self.answer(201, **{"Docker-Content-Digest": digest})
            return
        kind, content = manifests.get((name, reference), ("", None))
        if self.command == "GET" and content is not None:
            self.registry.pulled.append(f"{name}:{reference}")
        self._give(content, kind)

    def _give(self, content: bytes | None, kind: str) -> None:
        if content is None:
            self.answer(404)
            return
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.answer(200, content, **{"Content-Type": kind, "Docker-Content-Digest": digest})


@contextmanager
def running_registry() -> Iterator[Registry]:
    registry = Registry()
    with serving(type("_Asked", (_Handler,), {"registry": registry})) as port:
        registry.address = f"127.0.0.1:{port}"
        yield registry
