"""A registry of images, as Docker engines speak with one: blobs, uploads and manifests."""

import hashlib
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Registry:
    """What was pushed; `address` is HOST:PORT, which engines take without TLS for loopback."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def log_message(self, *arguments: object) -> None:
        """Nothing."""

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        body = self._read_body()
        if parts.path == "/v2/":
            self._answer(200)
        elif match := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", parts.path):
            self._upload(match[1], match[2], body, parse_qs(parts.query))
        elif match := re.fullmatch(r"/v2/(.+)/blobs/(sha256:.+)", parts.path):
            found = self.registry.blobs.get(match[2])
            self._give(found, "application/octet-stream")
        elif match := re.fullmatch(r"/v2/(.+)/manifests/(.+)", parts.path):
            self._manifest(match[1], match[2], body)
        else:
            self._answer(404)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_any

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

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
            self._answer(201, Location=f"/v2/{name}/blobs/{digest}")
            return
        size = len(uploads[upload])
        where = f"/v2/{name}/blobs/uploads/{upload}"
        self._answer(202, Location=where, Range=f"0-{max(size - 1, 0)}")

    def _manifest(self, name: str, reference: str, body: bytes) -> None:
        manifests = self.registry.manifests
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for each in (reference, digest):
                manifests[(name, each)] = (self.headers["Content-Type"], body)
            self._answer(201, **{"Docker-Content-Digest": digest})
            return
        kind, content = manifests.get((name, reference), ("", None))
        if self.command == "GET" and content is not None:
            self.registry.pulled.append(f"{name}:{reference}")
        self._give(content, kind)

    def _give(self, content: bytes | None, kind: str) -> None:
        if content is None:
            self._answer(404)
            return
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def running_registry() -> Iterator[Registry]:
    registry = Registry()
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    registry.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
