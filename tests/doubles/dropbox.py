"""A double of Dropbox: what its API v2 does with files, in memory."""

import base64
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs

APP_KEY, APP_SECRET = "demo-app", "demo-app-secret"
_LIST_LIMIT = 2000


class Refusal(Exception):
    """An answer of 409; the path of words that names the reason."""


@dataclass(frozen=True)
class _File:
    path: str
    data: bytes
    rev: str
    changed: str


@dataclass
class _Account:
    """Files and folders by their paths in lower case; the root is not among them."""

    files: dict[str, _File] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, bytearray] = field(default_factory=dict)
    revisions: "count[int]" = field(default_factory=lambda: count(0x0123456789))

    def put(self, path: str, data: bytes) -> _File:
        if path.lower() in self.folders:
            raise Refusal("path/conflict/folder")
        for parent in _parents(path):
            if parent.lower() in self.files:
                raise Refusal("path/conflict/file_ancestor")
            self.folders.setdefault(parent.lower(), parent)
        changed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        file = _File(path, data, f"{next(self.revisions):x}", changed)
        self.files[path.lower()] = file
        return file

    def find(self, path: str, wrong: str = "not_found") -> dict[str, Any]:
        if path.lower() in self.files:
            return _file_metadata(self.files[path.lower()])
        if path.lower() in self.folders:
            return _folder_metadata(self.folders[path.lower()])
        raise Refusal(f"path/{wrong}")

    def below(self, folder: str, recursive: bool) -> list[dict[str, Any]]:
        inside = f"{folder.lower()}/"
        names = sorted(
            name
            for name in (*self.files, *self.folders)
            if name.startswith(inside) and (recursive or "/" not in name[len(inside) :])
        )
        # With all that is below it comes the folder itself.
        own = [self.find(folder)] if recursive and folder else []
        return own + [self.find(name) for name in names]


def _parents(path: str) -> list[str]:
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: each + 1]) for each in range(len(parts))]


def _file_metadata(file: _File) -> dict[str, Any]:
    return {
        ".tag": "file",
        **_names(file.path),
        "client_modified": file.changed,
        "server_modified": file.changed,
        "rev": file.rev,
        "size": len(file.data),
        "is_downloadable": True,
    }


def _folder_metadata(path: str) -> dict[str, Any]:
    return {".tag": "folder", **_names(path)}


def _names(path: str) -> dict[str, str]:
    return {
        "name": path.rpartition("/")[2],
        "path_lower": path.lower(),
        "path_display": path,
        "id": "id:" + base64.urlsafe_b64encode(path.lower().encode()).decode(),
    }


class _Routes:
    """What each route does with its argument, and the body."""

    def __init__(self) -> None:
        self.account = _Account()

    def list_folder(self, said: dict[str, Any]) -> dict[str, Any]:
        path = said["path"]
        if path and self.account.find(path)[".tag"] != "folder":
            raise Refusal("path/not_folder")
        limit = min(said.get("limit") or _LIST_LIMIT, _LIST_LIMIT)
        return self._page(path, bool(said.get("recursive")), limit, 0)

    def list_folder_continue(self, said: dict[str, Any]) -> dict[str, Any]:
        try:
            path, recursive, limit, start = json.loads(base64.b64decode(said["cursor"]))
        except ValueError:
            raise Refusal("reset") from None
        return self._page(path, recursive, limit, start)

    def _page(self, path: str, recursive: bool, limit: int, start: int) -> dict[str, Any]:
        entries = self.account.below(path, recursive)
        state = json.dumps([path, recursive, limit, start + limit]).encode()
        return {
            "entries": entries[start : start + limit],
            "cursor": base64.b64encode(state).decode(),
            "has_more": len(entries) > start + limit,
        }

    def get_metadata(self, said: dict[str, Any]) -> dict[str, Any]:
        return self.account.find(said["path"])

    def create_folder_v2(self, said: dict[str, Any]) -> dict[str, Any]:
        path = said["path"]
        for each in (*_parents(path), path):
            if each.lower() in self.account.files:
                raise Refusal("path/conflict/file")
        if path.lower() in self.account.folders:
            raise Refusal("path/conflict/folder")
        for each in (*_parents(path), path):
            self.account.folders.setdefault(each.lower(), each)
        return {"metadata": _folder_metadata(path)}

    def delete_v2(self, said: dict[str, Any]) -> dict[str, Any]:
        path = said["path"].lower()
        try:
            found = self.account.find(path)
        except Refusal:
            raise Refusal("path_lookup/not_found") from None
        if said.get("parent_rev") not in (None, found.get("rev")):
            raise Refusal("path_write/conflict/file")
        for names in (self.account.files, self.account.folders):
            for name in [each for each in names if each == path or each.startswith(f"{path}/")]:
                del names[name]
        return {"metadata": found}

    def upload(self, said: dict[str, Any], body: bytes) -> dict[str, Any]:
        if said.get("mode") not in ("overwrite", {".tag": "overwrite"}):
            raise Refusal("path/conflict/file")
        return _file_metadata(self.account.put(said["path"], body))

    def upload_session_start(self, said: dict[str, Any], body: bytes) -> dict[str, Any]:
        session_id = secrets.token_hex(8)
        self.account.sessions[session_id] = bytearray(body)
        return {"session_id": session_id}

    def upload_session_append_v2(self, said: dict[str, Any], body: bytes) -> None:
        self._session(said).extend(body)

    def upload_session_finish(self, said: dict[str, Any], body: bytes) -> dict[str, Any]:
        data = bytes(self._session(said)) + body
        answer = self.upload(said["commit"], data)
        del self.account.sessions[said["cursor"]["session_id"]]
        return answer

    def _session(self, said: dict[str, Any]) -> bytearray:
        session = self.account.sessions.get(said["cursor"]["session_id"])
        if session is None:
            raise Refusal("lookup_failed/not_found")
        if len(session) != said["cursor"]["offset"]:
            raise Refusal("lookup_failed/incorrect_offset")
        return session

    def download(self, said: dict[str, Any]) -> _File:
        if self.account.find(said["path"])[".tag"] != "file":
            raise Refusal("path/not_file")
        return self.account.files[said["path"].lower()]


_ASKED = {
    "list_folder": "list_folder",
    "list_folder/continue": "list_folder_continue",
    "get_metadata": "get_metadata",
    "create_folder_v2": "create_folder_v2",
    "delete_v2": "delete_v2",
}
_SENT = {
    "upload": "upload",
    "upload_session/start": "upload_session_start",
    "upload_session/append_v2": "upload_session_append_v2",
    "upload_session/finish": "upload_session_finish",
}


class DropboxDouble:
    """A server with one account; `expire` ends its access token."""

    def __init__(self) -> None:
        self.token = f"sl.{secrets.token_urlsafe(32)}"
        self.refresh_token = secrets.token_urlsafe(32)
        self.ended: set[str] = set()
        self.routes = _Routes()
        self.lock = threading.RLock()
        self._server = _Server(self)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "DropboxDouble":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expire(self) -> None:
        self.ended.add(self.token)
        self.token = f"sl.{secrets.token_urlsafe(32)}"

    def renew(self, said: dict[str, list[str]]) -> dict[str, Any] | None:
        wanted = {
            "grant_type": ["refresh_token"],
            "refresh_token": [self.refresh_token],
            "client_id": [APP_KEY],
            "client_secret": [APP_SECRET],
        }
        if said != wanted:
            return None
        return {"access_token": self.token, "expires_in": 14400, "token_type": "bearer"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: DropboxDouble) -> None:
        self.double = double
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the parts of an answer wait for each other.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        double = self.server.double
        if self.path == "/oauth2/token":
            renewed = double.renew(parse_qs(body.decode()))
            self._json(400 if renewed is None else 200, renewed or {"error": "invalid_grant"})
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != double.token:
            reason = "expired" if token in double.ended else "invalid"
            self._refuse(401, f"{reason}_access_token")
            return
        try:
            with double.lock:
                self._route(self.path.removeprefix("/2/files/"), body)
        except Refusal as exc:
            self._refuse(409, str(exc))
        except (KeyError, TypeError, ValueError) as exc:
            self._answer(400, f"Error in call to API function: {exc!r}".encode(), "text/plain")

    def _route(self, name: str, body: bytes) -> None:
        routes = self.server.double.routes
        if name in _ASKED:
            said = json.loads(body)
            _check_path(said)
            self._json(200, getattr(routes, _ASKED[name])(said))
            return
        said = json.loads(self.headers["Dropbox-API-Arg"])
        _check_path(said.get("commit", said))
        if name in _SENT:
            self._json(200, getattr(routes, _SENT[name])(said, body))
        elif name == "download":
            self._send_file(routes.download(said))
        else:
            self._answer(404, b"")

    def _send_file(self, file: _File) -> None:
        size = len(file.data)
        headers = {"Dropbox-API-Result": json.dumps(_file_metadata(file))}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._answer(200, file.data, "application/octet-stream", headers)
            return
        first, last = wanted.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        if start > end:
            self._answer(416, b"", headers={"Content-Range": f"bytes */{size}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._answer(206, file.data[start : end + 1], "application/octet-stream", headers)

    def _refuse(self, status: int, words: str) -> None:
        error: dict[str, Any] = {}
        for word in reversed(words.split("/")):
            error = {".tag": word, word: error} if error else {".tag": word}
        self._json(status, {"error_summary": f"{words}/...", "error": error})

    def _json(self, status: int, said: object) -> None:
        self._answer(status, json.dumps(said).encode(), "application/json")

    def _answer(
        self,
        status: int,
        body: bytes,
        kind: str = "text/plain",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _check_path(said: dict[str, Any]) -> None:
    path = said.get("path", "")
    if path and not re.fullmatch(r"(/[^/]+)+", path):
        raise ValueError(f"path: {path!r} did not match pattern")
