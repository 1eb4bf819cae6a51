"""A GitLab: tokens that end and are renewed, projects with ids, and events with a token."""

import json
import shutil
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.doubles.repository_host import (
    CLIENT_ID,
    CLIENT_SECRET,
    Reply,
    Repository,
    RepositoryHost,
)


@dataclass
class GitLabHost(RepositoryHost):
    """Beside projects of the user there are those of the groups, which may be inside others."""

    organizations: list[str] = field(default_factory=lambda: ["makers/tools"])
    refreshing: dict[str, str] = field(default_factory=dict)

    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"
    api_root = "/api/v4"
    revocation = ("POST", "/oauth/revoke")
    first_branch = "master"

    def described(self, **changes: Any) -> dict[str, Any]:
        urls = {"web": self.url, "api": self.url, "ssh": "ssh://git@127.0.0.1"}
        return super().described(id="gitlab", name="GitLab", provider="gitlab", urls=urls) | changes

    def token(self, form: dict[str, str]) -> Reply:
        if form["client_secret"] != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            old = self.refreshing.pop(form["refresh_token"], None)
            if old is None:
                return 400, {"error": "invalid_grant"}
            self.tokens.discard(old)
            return 200, self.given()
        status, given = super().token(form)
        if "error" in given:
            return 400, {"error": "invalid_grant"}
        self.tokens.discard(given["access_token"])
        return status, self.given()

    def given(self) -> dict[str, Any]:
        number = len(self.asked)
        token, refresh = f"glo-canary-{number}", f"glr-canary-{number}"
        self.tokens.add(token)
        self.refreshing[refresh] = token
        return {"access_token": token, "refresh_token": refresh, "expires_in": 7200}

    def forget(self, token: str) -> None:
        """Either token of a pair ends both."""
        refresh = next((r for r, t in self.refreshing.items() if token in (r, t)), None)
        super().forget(token)
        if refresh is not None:
            super().forget(self.refreshing.pop(refresh))

    def token_to_revoke(self, body: bytes) -> str:
        form = parse_qs(body.decode())
        assert form["client_id"] == [CLIENT_ID]
        return form["token"][0]

    def api(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        match (method, [unquote(part) for part in path.strip("/").split("/")]):
            case ("GET", ["user"]):
                return 200, {"username": self.login, "id": 1}
            case ("GET", ["groups"]):
                return 200, [{"full_path": name, "id": 7} for name in self.organizations]
            case ("GET", ["namespaces", name]) if name in self.organizations:
                return 200, {"id": 100 + self.organizations.index(name), "full_path": name}
            case ("POST", ["projects"]):
                number = body.get("namespace_id")
                owner = self.login if number is None else self.organizations[number - 100]
                return self.create(owner, body)
            case ("GET", ["projects", identifier]):
                found = [each for each in self.repositories if str(each.id) == identifier]
                return (200, self.shown(found[0])) if found else (404, {"message": "404 Not found"})
            case ("POST", ["projects", identifier, "hooks"]):
                found = [each for each in self.repositories if str(each.id) == identifier]
                found[0].hooks.append(body)
                return 201, {"id": 1}
            case ("DELETE", ["projects", identifier]):
                gone = [each for each in self.repositories if str(each.id) == identifier]
                self.repositories = [each for each in self.repositories if each not in gone]
                for each in gone:
                    shutil.rmtree(each.folder)
                return 202, {"message": "202 Accepted"}
        return 404, {"message": "404 Not found"}

    def shown(self, repository: Repository) -> dict[str, Any]:
        return {
            "id": repository.id,
            "path_with_namespace": repository.full_name,
            "default_branch": repository.default_branch,
        }

    def event(self, full_name: str, kind: str = "Push Hook", **payload: Any) -> dict[str, Any]:
        repository = self.find(full_name)
        said = {"ref": f"refs/heads/{repository.default_branch}"}
        body = json.dumps({**said, **payload, "project": self.shown(repository)}).encode()
        headers = {"X-Gitlab-Event": kind, "X-Gitlab-Token": repository.hooks[0]["token"]}
        return {"data": body, "headers": headers}
