"""GitHub, and GitHub Enterprise Server."""

from urllib.parse import quote

from scm.hosts.base import Host, HostRepository
from scm.hosts.http import ask

# What a token is answered that is none of the app's.
_NO_SUCH_TOKEN = (404, 422)


class GitHub(Host):
    first_branch = "main"
    git_user = "x-access-token"
    scope = "repo admin:repo_hook read:org"
    authorize_path = "/login/oauth/authorize"
    token_path = "/login/oauth/access_token"  # noqa: S105  (a path)
    account_name = "login"
    organizations_path = "/user/orgs?per_page=100"
    organization_name = "login"
    whole_name = "full_name"
    repositories_path = "/repositories"

    def revoke(self, token: str) -> bool:
        path = f"/applications/{quote(self.scm.client_id, safe='')}/token"
        answer = ask(
            "DELETE",
            f"{self.scm.api_url}{path}",
            auth=(self.scm.client_id, self._secret()),
            json={"access_token": token},
        )
        return answer.is_good or answer.status in _NO_SUCH_TOKEN

    def create_repository(self, token: str, owner: str, name: str, login: str) -> HostRepository:
        own = owner.lower() == login.lower()
        path = "/user/repos" if own else f"/orgs/{quote(owner, safe='')}/repos"
        body = {"name": name, "private": True, "auto_init": False}
        made = self._made(self._api("POST", path, token, body))
        # Its first commit makes its branch the default, whatever was planned.
        return self._repository(made, self.first_branch)

    def add_hook(self, token: str, repository: HostRepository, url: str, secret: str) -> None:
        body = {
            "name": "web",
            "active": True,
            "events": ["push", "repository"],
            "config": {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"},
        }
        self._made(self._api("POST", f"{_path(repository)}/hooks", token, body))

    def delete_repository(self, token: str, repository: HostRepository) -> bool:
        return self._api("DELETE", _path(repository), token).is_good


def _path(repository: HostRepository) -> str:
    return f"/repos/{quote(repository.owner, safe='')}/{quote(repository.name, safe='')}"
