"""An emulator of Google Cloud Storage, with what it lacks of the real one.

That is pages of listings, conditions, ranges of all kinds, giving up uploads, and that requests
are signed.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator import server as emulator
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets, objects
from gcp_storage_emulator.storage import Storage
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

PROJECT = "demo-project"


@dataclass(frozen=True)
class Account:
    credential: dict[str, str]
    public_key: bytes


def make_account() -> Account:
    """A service account with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    email = f"demo@{PROJECT}.iam.gserviceaccount.com"
    said = {"email": email, "private_key_id": "key-1", "private_key": private.decode()}
    return Account(said, public)


class _MemoryStorage(Storage):  # type: ignore[misc]
    """It would write a list of all there is at every change."""

    def _write_config_to_file(self) -> None:
        pass


class GoogleEmulator:
    """A server that believes the account."""

    def __init__(self, account: Account) -> None:
        self._storage = _MemoryStorage(use_memory_fs=True)
        handler = partial(_Handler, account.public_key, threading.RLock(), self._storage)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "GoogleEmulator":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def make_bucket(self, name: str) -> None:
        buckets.create_bucket(name, self._storage)

    def unfinished(self) -> int:
        """How many uploads were begun and not ended."""
        return len(self._storage.resumable)


class _Handler(emulator.RequestHandler):  # type: ignore[misc]
    def __init__(self, public_key: bytes, lock: threading.RLock, storage: Storage, *args: Any):
        self._public_key = public_key
        self._lock = lock
        super().__init__(storage, *args)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def _serve(self, method: str) -> None:
        # Who has an upload's address needs nothing else.
        if "upload_id=" not in self.path and not self._is_signed():
            self._refuse()
            return
        with self._lock:
            emulator.Router(self).handle(method)

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _is_signed(self) -> bool:
        if self.path == "/":
            return True
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, certs=self._public_key)
        except (ValueError, GoogleAuthError):
            return False
        return "devstorage" in claims.get("scope", "")

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"error": {"code": 401, "message": "Invalid Credentials"}}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _list(request: Any, response: Any, storage: Storage) -> None:
    objects.ls(request, response, storage)
    if response.status != 200:
        return
    found = json.loads(response._content)
    entries = [(name, None) for name in found["prefixes"]]
    entries += [(each["name"], each) for each in found["items"]]
    after = request.query.get("pageToken", [""])[0]
    most = int(request.query.get("maxResults", ["1000"])[0])
    entries = sorted((each for each in entries if each[0] > after), key=lambda each: each[0])
    page = entries[:most]
    answer: dict[str, Any] = {"kind": "storage#objects"}
    # What is empty is left out.
    if prefixes := [name for name, item in page if item is None]:
        answer["prefixes"] = prefixes
    if items := [item for _, item in page if item is not None]:
        answer["items"] = items
    if len(entries) > most:
        answer["nextPageToken"] = page[-1][0]
    response.json(answer)


def _download(request: Any, response: Any, storage: Storage) -> None:
    bucket, name = request.params["bucket_name"], request.params["object_id"]
    try:
        found = storage.get_file_obj(bucket, name)
    except NotFound:
        _say(response, 404, "Not Found", f"No such object: {bucket}/{name}")
        return
    generation = str(found["generation"])
    response["X-Goog-Generation"] = generation
    response["ETag"] = found["etag"]
    changed = datetime.fromisoformat(found["updated"]).replace(microsecond=0)
    response["Last-Modified"] = format_datetime(changed, usegmt=True)
    if request.query.get("ifGenerationMatch", [generation])[0] != generation:
        response.status = SimpleNamespace(value=412, phrase="Precondition Failed")
        return
    if request.query.get("ifGenerationNotMatch", [""])[0] == generation:
        response.status = SimpleNamespace(value=304, phrase="Not Modified")
        return
    size = int(found["size"])
    first, _, last = request.get_header("range", "").removeprefix("bytes=").partition("-")
    if not first and last:
        first = str(max(0, size - int(last)))
        request._request_handler.headers.replace_header("Range", f"bytes={first}-")
    if first and int(first) >= size:
        response["Content-Range"] = f"bytes */{size}"
        _say(response, 416, "Range Not Satisfiable", "The requested range cannot be satisfied.")
        return
    objects.download(request, response, storage)


def _give_up(request: Any, response: Any, storage: Storage) -> None:
    storage.delete_resumable_file_obj(request.query["upload_id"][0])
    response.status = SimpleNamespace(value=499, phrase="Client Closed Request")


def _say(response: Any, status: int, phrase: str, message: str) -> None:
    response.status = SimpleNamespace(value=status, phrase=phrase)
    response.json({"error": {"code": status, "message": message}})


_REPLACED: dict[Any, Callable[[Any, Any, Storage], None]] = {
    objects.ls: _list,
    objects.download: _download,
}
for _, _handlers in emulator.HANDLERS:
    for _method, _function in list(_handlers.items()):
        _handlers[_method] = _REPLACED.get(_function, _function)
        if _function is objects.upload_partial:
            _handlers["DELETE"] = _give_up
