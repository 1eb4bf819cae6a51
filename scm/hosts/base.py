"""What the platform does at a host of repositories, whatever software that runs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from algoport.encryption import NotDecryptable, decrypt
from scm.constants import (
    BRANCH_LENGTH,
    LOGIN_LENGTH,
    REPOSITORY_NAME_PATTERN,
    REPOSITORY_OWNER_PATTERN,
)
from scm.errors import (
    HostUnreachable,
    RepositoryNotShown,
    RepositoryRefused,
    ScmNotAuthenticated,
    ScmOAuthInvalidAuthorizationCode,
)
from scm.hosts.http import Answer, ask, no_such_host, said_by
from scm.models import ScmConfiguration

# How hosts call a code or token that they do not take (RFC 6749, 5.2, and GitHub's own).
_ENDED = ("invalid_grant", "bad_verification_code", "bad_refresh_token")


@dataclass(frozen=True)
class Tokens:
    """What a host gives for a code; `seconds` is how long it lasts, None for ever."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    seconds: int | None = None


@dataclass(frozen=True)
class HostAccount:
    """Whose token it is, and the organizations there that it is a member of."""

    login: str
    organizations: list[str]


@dataclass(frozen=True)
class HostRepository:
    """A repository as the host knows it; its id outlives every renaming."""

    id: str
    owner: str
    name: str
    default_branch: str


class Host(ABC):
    """One configured host. All methods raise HostUnreachable, and ScmNotAuthenticated for a token
    that the host does not take."""

    # The branch of the first commit, unless the host says otherwise.
    first_branch: str
    # The name that goes with a token where git asks for name and password.
    git_user: str
    scope: str
    authorize_path: str
    token_path: str
    # Below the configured address of the API.
    api_root = ""
    # What the API calls an account's name, the list of its organizations and the name of one, and a
    # repository's whole name.
    account_name: str
    organizations_path: str
    organization_name: str
    whole_name: str
    # Repositories by their ids.
    repositories_path: str

    def __init__(self, scm: ScmConfiguration) -> None:
        self.scm = scm

    def authorize_query(self) -> dict[str, str]:
        """What an authorization asks for, beside what belongs to one flow."""
        return {"client_id": self.scm.client_id, "response_type": "code", "scope": self.scope}

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Raises ScmOAuthInvalidAuthorizationCode for a code that the host does not take."""
        answer = self._ask_for_tokens(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )
        if answer is None:
            raise ScmOAuthInvalidAuthorizationCode
        return answer

    def refresh(self, refresh_token: str, redirect_uri: str) -> Tokens:
        """Raises ScmNotAuthenticated when the host does not renew it."""
        answer = self._ask_for_tokens(
            grant_type="refresh_token", refresh_token=refresh_token, redirect_uri=redirect_uri
        )
        if answer is None:
            raise ScmNotAuthenticated(scm=self.scm)
        return answer

    @abstractmethod
    def revoke(self, token: str) -> bool:
        """Whether the token is none at the host any more, now or since before."""

    def account(self, token: str) -> HostAccount:
        login = self._good(self._api("GET", "/user", token)).text(self.account_name)
        rows = self._good(self._api("GET", self.organizations_path, token)).value
        return HostAccount(login, self._names(rows, self.organization_name))

    @abstractmethod
    def create_repository(self, token: str, owner: str, name: str, login: str) -> HostRepository:
        """A new private repository without commits. Raises RepositoryRefused."""

    def find_repository(self, token: str, repository_id: str) -> HostRepository:
        """The repository as it is called now. Raises RepositoryNotShown."""
        answer = self._api("GET", f"{self.repositories_path}/{repository_id}", token)
        if answer.status in (403, 404, 410):
            raise RepositoryNotShown(scm=self.scm)
        branch = self._good(answer).member("default_branch")
        return self._repository(answer, branch)

    @abstractmethod
    def add_hook(self, token: str, repository: HostRepository, url: str, secret: str) -> None:
        """Have the host tell this URL of pushes. Raises RepositoryRefused."""

    @abstractmethod
    def delete_repository(self, token: str, repository: HostRepository) -> bool:
        """Whether the host has removed what was just made there."""

    def _secret(self) -> str:
        try:
            return decrypt(self.scm.client_secret)
        except NotDecryptable as exc:
            raise HostUnreachable(
                reason="Its client secret cannot be read: an administrator has to add the key that "
                "it was encrypted with to ALGOPORT_ENCRYPTION_KEYS."
            ) from exc

    def _ask_for_tokens(self, **form: str) -> Tokens | None:
        """None for a code or token that has ended; a refusal may come with a status of 200.

        Any other refusal is of the platform itself, and says nothing of the authorization.
        """
        form |= {"client_id": self.scm.client_id, "client_secret": self._secret()}
        answer = ask("POST", f"{self.scm.web_url}{self.token_path}", data=form)
        if answer.member("error") in _ENDED:
            return None
        if not answer.is_good or answer.member("error"):
            raise HostUnreachable(reason=f"It refuses the platform: {said_by(answer)}.")
        refresh, seconds = answer.member("refresh_token"), answer.member("expires_in")
        return Tokens(
            answer.text("access_token"),
            refresh if isinstance(refresh, str) else "",
            seconds if isinstance(seconds, int) and 0 < seconds < 2**31 else None,
        )

    def _api(self, method: str, path: str, token: str, body: Any = None) -> Answer:
        """An answer of the API, refusals but that of the token included."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = ask(method, f"{self.scm.api_url}{self.api_root}{path}", headers=headers, json=body)
        if answer.status == 401:
            raise ScmNotAuthenticated(scm=self.scm)
        limited = answer.status == 403 and "rate limit" in said_by(answer).lower()
        if answer.status == 429 or limited:
            raise HostUnreachable(reason="It wants to be asked less often.")
        return answer

    def _good(self, answer: Answer) -> Answer:
        if not answer.is_good:
            raise HostUnreachable(reason=f"It refuses what it is asked: {said_by(answer)}.")
        return answer

    def _made(self, answer: Answer) -> Answer:
        if not answer.is_good:
            raise RepositoryRefused(reason=f"{self.scm} says: {said_by(answer)}.")
        return answer

    def _names(self, rows: Any, key: str) -> list[str]:
        """The names in a list of objects, those that are none left out."""
        if not isinstance(rows, list):
            raise no_such_host()
        found = (row.get(key) for row in rows if isinstance(row, dict))
        return [name for name in found if isinstance(name, str) and 0 < len(name) <= LOGIN_LENGTH]

    def _repository(self, said: Answer, branch: object) -> HostRepository:
        """What a host says of a repository, if it can be used in addresses and in git."""
        identifier, whole_name = said.member("id"), said.member(self.whole_name)
        if not isinstance(identifier, int) or not isinstance(whole_name, str):
            raise no_such_host()
        owner, _, name = whole_name.rpartition("/")
        if not REPOSITORY_OWNER_PATTERN.match(owner) or not REPOSITORY_NAME_PATTERN.match(name):
            raise no_such_host()
        known = isinstance(branch, str) and 0 < len(branch) <= BRANCH_LENGTH
        return HostRepository(
            str(identifier), owner, name, str(branch) if known else self.first_branch
        )
