"""GitLab: gitlab.com, and servers of one's own."""

from urllib.parse import quote

from scm.errors import RepositoryRefused
from scm.hosts.base import Host, HostAccount, HostRepository
from scm.hosts.http import Answer, ask

_DEVELOPER = 30
_MOST_GROUPS = 100


class GitLab(Host):
    """Tokens end after two hours and are renewed, each renewal replacing both."""

    first_branch = "master"
    git_user = "oauth2"
    scope = "api read_user read_api read_repository write_repository"
    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"  # noqa: S105  (a path)
    api_root = "/api/v4"

    def revoke(self, token: str) -> None:
        form = {"client_id": self.scm.client_id, "client_secret": self._secret(), "token": token}
        ask("POST", f"{self.scm.web_url}/oauth/revoke", data=form)

    def account(self, token: str) -> HostAccount:
        login = self._good(self._api("GET", "/user", token)).text("username")
        path = f"/groups?min_access_level={_DEVELOPER}&per_page={_MOST_GROUPS}"
        rows = self._good(self._api("GET", path, token)).value
        return HostAccount(login, self._names(rows, "full_path"))

    def create_repository(self, token: str, owner: str, name: str, login: str) -> HostRepository:
        body = {
            "name": name,
            "path": name,
            "visibility": "private",
            "initialize_with_readme": False,
        }
        if owner.lower() != login.lower():
            body["namespace_id"] = self._namespace(token, owner)
        made = self._made(self._api("POST", "/projects", token, body))
        # Its first commit makes its branch the default, whatever was planned.
        return self._repository(
            made.member("id"), made.member("path_with_namespace"), self.first_branch
        )

    def find_repository(self, token: str, repository_id: str) -> HostRepository:
        found = self._found(self._api("GET", f"/projects/{repository_id}", token))
        return self._repository(
            found.member("id"), found.member("path_with_namespace"), found.member("default_branch")
        )

    def add_hook(self, token: str, repository: HostRepository, url: str, secret: str) -> None:
        body = {"url": url, "token": secret, "push_events": True, "enable_ssl_verification": True}
        self._made(self._api("POST", f"/projects/{repository.id}/hooks", token, body))

    def delete_repository(self, token: str, repository: HostRepository) -> bool:
        return self._api("DELETE", f"/projects/{repository.id}", token).is_good

    def _namespace(self, token: str, owner: str) -> int:
        found: Answer = self._api("GET", f"/namespaces/{quote(owner, safe='')}", token)
        identifier = found.member("id")
        if not found.is_good or not isinstance(identifier, int):
            raise RepositoryRefused(reason=f"{self.scm} has no group {owner} of yours.")
        return identifier
