"""GitLab: gitlab.com, and servers of one's own."""

from urllib.parse import quote

from scm.errors import RepositoryRefused
from scm.hosts.base import Host, HostRepository
from scm.hosts.http import Answer, ask


class GitLab(Host):
    """Tokens end after two hours and are renewed, each renewal replacing both."""

    first_branch = "master"
    git_user = "oauth2"
    scope = "api read_user read_api read_repository write_repository"
    authorize_path = "/oauth/authorize"
    token_path = "/oauth/token"  # noqa: S105  (a path)
    api_root = "/api/v4"
    account_name = "username"
    # Those of which the account is a developer at least.
    organizations_path = "/groups?min_access_level=30&per_page=100"
    organization_name = "full_path"
    whole_name = "path_with_namespace"
    repositories_path = "/projects"

    def revoke(self, token: str) -> bool:
        """One that it does not know is answered as one that it has taken back."""
        form = {"client_id": self.scm.client_id, "client_secret": self._secret(), "token": token}
        answer = ask("POST", f"{self.scm.web_url}/oauth/revoke", data=form)
        return answer.is_good or answer.status == 404

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
        return self._repository(made, self.first_branch)

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
