"""A host of repositories: OAuth, the few calls of its API that the platform makes, and real git.

One user is signed in there, and agrees to everything. GitHub's API is below /api, and its pages and
repositories are at the root.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.doubles.http import Handler, serving

CLIENT_ID, CLIENT_SECRET = "algoport", "client-canary-0001"
Reply = tuple[int, Any]


@dataclass
class Repository:
    id: int
    owner: str
    name: str
    folder: Path
    default_branch: str = "main"
    hooks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass
class RepositoryHost:
    """What it has; `failing` are statuses by `METHOD path` that it answers with instead.

    With `elsewhere` its repositories are redirected there.
    """

    folder: Path
    port: int = 0
    login: str = "octo"
    organizations: list[str] = field(default_factory=lambda: ["makers"])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    given_out: int = 0
    tokens: set[str] = field(default_factory=set)
    revoked: list[str] = field(default_factory=list)
    repositories: list[Repository] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    elsewhere: str = ""

    authorize_path = "/login/oauth/authorize"
    token_path = "/login/oauth/access_token"
    api_root = "/api"
    revocation = ("DELETE", f"/api/applications/{CLIENT_ID}/token")
    first_branch = "main"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def described(self, **changes: Any) -> dict[str, Any]:
        """As an administrator describes it."""
        return {
            "id": "github",
            "name": "GitHub",
            "provider": "github",
            "oauth": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            "urls": {"web": self.url, "api": f"{self.url}/api", "ssh": "ssh://git@127.0.0.1"},
        } | changes

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["client_id"] == CLIENT_ID and query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        answer = {"code": code, "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str]) -> Reply:
        flow = self.codes.pop(form.get("code", ""), None)
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if not known:
            return 200, {"error": "incorrect_client_credentials"}
        good = flow is not None and flow["code_challenge"] == challenge
        if not good or flow["redirect_uri"] != form.get("redirect_uri"):
            return 200, {"error": "bad_verification_code"}
        token = f"gho-canary-{self.given_out}"
        self.given_out += 1
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "bearer", "scope": flow["scope"]}

    def forget(self, token: str) -> None:
        self.tokens.discard(token)

    def token_to_revoke(self, body: bytes) -> str:
        return str(json.loads(body)["access_token"])

    def api(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match (method, parts):
            case ("GET", ["user"]):
                return 200, {"login": self.login, "id": 1}
            case ("GET", ["user", "orgs"]):
                return 200, [{"login": name} for name in self.organizations]
            case ("POST", ["user", "repos"]):
                return self.create(self.login, body)
            case ("POST", ["orgs", owner, "repos"]) if owner in self.organizations:
                return self.create(owner, body)
            case ("GET", ["repositories", identifier]):
                found = [each for each in self.repositories if str(each.id) == identifier]
                return (200, self.shown(found[0])) if found else (404, {"message": "Not Found"})
            case ("POST", ["repos", owner, name, "hooks"]):
                self.find(f"{owner}/{name}").hooks.append(body)
                return 201, {"id": 1}
            case ("DELETE", ["repos", _, _]):
                return 403, {"message": "Must have admin rights to Repository."}
        return 404, {"message": "Not Found"}

    def create(self, owner: str, body: dict[str, Any]) -> Reply:
        name = body["name"]
        assert body.get("visibility", "private") == "private"
        if any(each.full_name == f"{owner}/{name}" for each in self.repositories):
            errors = [{"message": "name already exists on this account"}]
            return 422, {"message": "Repository creation failed.", "errors": errors}
        assert body.get("private", True) is True
        folder = self.folder / owner / f"{name}.git"
        number = len(self.repositories) + 41
        made = Repository(number, owner, name, folder, self.first_branch)
        git(made.folder, "init", "--quiet", "--bare", "--initial-branch=none", str(made.folder))
        git(made.folder, "config", "http.receivepack", "true")
        self.repositories.append(made)
        return 201, self.shown(made)

    def shown(self, repository: Repository) -> dict[str, Any]:
        return {
            "id": repository.id,
            "full_name": repository.full_name,
            "default_branch": repository.default_branch,
            "clone_url": f"{self.url}/{repository.full_name}.git",
        }

    def find(self, full_name: str) -> Repository:
        return next(each for each in self.repositories if each.full_name == full_name)

    def rename(self, full_name: str, name: str) -> None:
        repository = self.find(full_name)
        repository.name = name
        repository.folder = repository.folder.rename(repository.folder.with_name(f"{name}.git"))

    def commit(self, full_name: str, files: dict[str, str], branch: str = "main") -> str:
        """SHA of a commit that somebody pushes there."""
        repository = self.find(full_name)
        lines = [f"commit refs/heads/{branch}", "committer p <p@p> 1700000000 +0000"]
        lines += ["data 6", "change"]
        if branch in git(repository.folder, "branch", "--format=%(refname:short)").split():
            lines.append(f"from refs/heads/{branch}^0")
        for path, content in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(content.encode())}", content]
        git(repository.folder, "fast-import", "--quiet", stdin="\n".join(lines) + "\n")
        return git(repository.folder, "rev-parse", f"refs/heads/{branch}").strip()

    def event(self, full_name: str, kind: str = "push", **payload: Any) -> dict[str, Any]:
        """Body and headers of an event, signed with the secret of the first webhook."""
        repository = self.find(full_name)
        said = {"ref": f"refs/heads/{repository.default_branch}"} if kind == "push" else {}
        body = json.dumps({**said, **payload, "repository": self.shown(repository)}).encode()
        secret = repository.hooks[0]["config"]["secret"].encode()
        signs = {
            f"X-Hub-Signature{end}": f"{name}={hmac.new(secret, body, name).hexdigest()}"
            for end, name in (("", "sha1"), ("-256", "sha256"))
        }
        return {"data": body, "headers": {"X-GitHub-Event": kind, **signs}}


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    where = [] if arguments[0] == "init" else [f"--git-dir={folder}"]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *where, *arguments], input=stdin, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


H = TypeVar("H", bound=RepositoryHost)


@contextmanager
def repository_host(kind: type[H] = RepositoryHost) -> Iterator[H]:  # type: ignore[assignment]
    with tempfile.TemporaryDirectory(prefix="host-") as folder:
        host = kind(Path(folder))
        with serving(_handler(host)) as host.port:
            yield host


def _handler(host: RepositoryHost) -> type[Handler]:
    class Asked(Handler):
        def take(self) -> None:
            parts = urlsplit(self.path)
            body = self.body()
            host.asked.append(f"{self.command} {parts.path}")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status = host.failing.get(f"{self.command} {parts.path}")
            if status is not None:
                self.answer_json(status, {"message": "It is broken {here}."})
            elif parts.path == host.authorize_path:
                self.answer_json(302, {}, Location=host.authorize(query))
            elif parts.path == host.token_path:
                form = parse_qs(body.decode())
                self.answer_json(*host.token({name: values[0] for name, values in form.items()}))
            elif (self.command, parts.path) == host.revocation:
                host.revoked.append(host.token_to_revoke(body))
                host.forget(host.revoked[-1])
                self.answer_json(204, None)
            elif parts.path.startswith(f"{host.api_root}/"):
                if self._token() in host.tokens:
                    path = parts.path.removeprefix(host.api_root)
                    self.answer_json(*host.api(self.command, path, _json(body)))
                else:
                    self.answer_json(401, {"message": "Bad credentials"})
            elif host.elsewhere:
                self.answer_json(302, {}, Location=f"{host.elsewhere}{self.path}")
            elif self._token() in host.tokens:
                self._git(parts.path, parts.query, body)
            else:
                self.answer_json(401, {}, **{"WWW-Authenticate": 'Basic realm="git"'})

        do_GET = do_POST = do_DELETE = take

        def _token(self) -> str:
            kind, _, said = self.headers.get("Authorization", "").partition(" ")
            if kind == "Basic":
                said = base64.b64decode(said).decode().partition(":")[2]
            return said

        def _git(self, path: str, query: str, body: bytes) -> None:
            environ = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(host.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_NOSYSTEM": "1",
                "REMOTE_USER": host.login,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            command = ["git", "http-backend"]
            done = subprocess.run(command, input=body, env=environ, capture_output=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.answer(int(headers.pop("Status", "200")[:3]), content, **headers)

    return Asked


def _json(body: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(body) if body else {}
    return value
