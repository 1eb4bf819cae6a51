"""Who may do what: the one place where it is decided.

`can(principal, action, resource)` is a pure function of small values, so that the call plane can
ask it without a query and an explanation can never differ from what is enforced. A resource is
described by its app (`AlgorithmResource`, `CollectionResource`), never by a row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from uuid import UUID

from algoport.accounts import path_patterns
from algoport.errors import NotAuthenticated, NotAuthorized

# Calls of one account at the same time, unless an administrator says otherwise (spec.md 3.10).
DEFAULT_CALL_LIMIT = 80


class PrincipalKind(Enum):
    ANONYMOUS = "anonymous"
    KEY = "standard key"
    ADMIN_KEY = "admin key"
    PASSWORD = "password"  # noqa: S105  (a kind, not a secret)
    TOKEN = "token of the identity provider"  # noqa: S105
    RUN = "run of an algorithm"


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a key may be used for (spec.md 2.3)."""

    algo_acl: tuple[str, ...] = ()
    management: bool = False
    native_calls: bool = False
    web_calls: bool = False
    referer_host: str = ""
    data_read: bool = False
    data_write: bool = False

    def cover(self, other: "Scopes") -> bool:
        """Whether whoever has these may give the others away."""
        flags = ("management", "native_calls", "web_calls", "data_read", "data_write")
        if any(getattr(other, flag) and not getattr(self, flag) for flag in flags):
            return False
        if other.web_calls and self.referer_host not in ("", other.referer_host):
            return False
        return all(_covers_pattern(self.algo_acl, pattern) for pattern in other.algo_acl)


EVERYTHING = Scopes(("algo://*",), True, True, True, "", True, True)


@dataclass(frozen=True, slots=True)
class Run:
    """The call in progress on whose behalf an algorithm speaks."""

    algorithm_id: UUID
    algorithm_owner_id: UUID
    pipeline_enabled: bool
    session_id: UUID | None = None
    request_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account, by way of a key, a password or a run."""

    kind: PrincipalKind = PrincipalKind.ANONYMOUS
    user_id: UUID | None = None
    username: str = ""
    is_staff: bool = False
    scopes: Scopes = field(default_factory=Scopes)
    key_id: UUID | None = None
    run: Run | None = None
    call_limit: int = DEFAULT_CALL_LIMIT
    # The organizations that the account is in, and those of them that it owns.
    member_of: frozenset[UUID] = frozenset()
    owner_of: frozenset[UUID] = frozenset()

    def acts_for(self, account: UUID | None) -> bool:
        """Whether the account is the principal's own, or an organization that it is in."""
        return account is not None and (account == self.user_id or account in self.member_of)

    def owns(self, account: UUID) -> bool:
        """Whether the account is the principal's own, or an organization that it owns."""
        return account == self.user_id or account in self.owner_of

    def for_run(self, run: Run) -> "Principal":
        """The caller as an algorithm's code speaks for them.

        Data scopes and patterns of the key do not bind the algorithm that it may call (spec.md
        2.3); managing algorithms is never the code's to do.
        """
        scopes = Scopes(("algo://*",), False, True, False, "", True, True)
        return Principal(
            PrincipalKind.RUN,
            self.user_id,
            self.username,
            scopes=scopes,
            key_id=self.key_id,
            run=run,
            member_of=self.member_of,
        )

    def in_call(self, session_id: UUID, request_id: UUID) -> "Principal":
        """A run's principal during this call of the session."""
        assert self.run is not None
        return replace(self, run=replace(self.run, session_id=session_id, request_id=request_id))


ANONYMOUS = Principal()


class Action(Enum):
    CREATE_ALGORITHM = "create an algorithm in the account"
    SEE_ALGORITHM = "see the algorithm"
    CALL_VERSION = "call the version"
    CALL_FROM_BROWSER = "call algorithms from pages in a browser"
    SEE_BUILDS = "see builds and versions"
    READ_SOURCE = "read the source"
    WRITE_SOURCE = "push to the repository"
    MANAGE_ALGORITHM = "change, compile, publish or delete the algorithm"
    MANAGE_SECRETS = "name, set and delete the algorithm's secrets"
    PUBLISH_PUBLICLY = "publish a version for everybody"
    READ_COLLECTION = "read the collection"
    WRITE_COLLECTION = "write to the collection"
    MANAGE_COLLECTION = "create, delete or change the collection"
    LIST_CONNECTOR = "list the connector's directory"
    READ_CONNECTOR = "read the connector's file"
    WRITE_CONNECTOR = "write or delete the connector's file"
    CLEAR_CONNECTOR = "delete the connector's directory with all that is in it"
    READ_STORAGE_RULES = "read who else may use the connector's bucket or object"
    WRITE_STORAGE_RULES = "make the connector's bucket, or say who else may use it or its object"
    SEE_DATA_ACCESSES = "search who has used the account's data"
    MANAGE_CONNECTORS = "make, see, change and delete the account's connectors"
    SEE_REQUEST = "see, cancel or repeat a queued call"
    READ_NOTIFICATIONS = "read what the account is told, and mark it as read"
    MANAGE_WEBHOOKS = "ask for webhooks, send them again, and make their signing secret"
    SEE_ALGORITHM_ERRORS = "read the algorithm's error log"
    SEE_ALGORITHM_USAGE = "see how often the algorithm is called, and by whom"
    SEE_ACCOUNT_ERRORS = "read the log of the account's failed calls"
    SEE_ORGANIZATION_ERRORS = "read the error log of the organization's algorithms"
    CREATE_ORGANIZATION = "make an organization, and own it"
    SEE_ORGANIZATION = "see the organization and who is in it"
    MANAGE_ORGANIZATION = "change the organization and who is in it"
    CONNECT_SCM = "connect the own account with one at a repository host"
    CHANGE_PROFILE = "see and change what the account says of its user"
    MANAGE_KEYS = "see, make and revoke the account's keys"
    MANAGE_ORGANIZATION_KEYS = "see, make and revoke the organization's keys"
    MANAGE_SESSIONS = "see and end the account's sessions"
    ANSWER_INVITATIONS = "see and answer invitations of the account"
    READ_REFERENCE = "read languages, environments and repository hosts"
    ADMINISTER = "administer the platform"
    IMPERSONATE = "act as the user, as if they had signed in"


@dataclass(frozen=True, slots=True)
class AccountResource:
    """An account, as the owner of what is to be made in it."""

    id: UUID


@dataclass(frozen=True, slots=True)
class UserResource:
    """An account as somebody whom an administrator may want to be."""

    is_person: bool
    is_staff: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class AlgorithmResource:
    """An algorithm; `public` when this version (or, without one, any version) is public."""

    id: UUID
    owner_id: UUID
    owner: str
    name: str
    public: bool
    source_open: bool = False


@dataclass(frozen=True, slots=True)
class OriginResource:
    """The site whose page asks; "" when the browser does not say."""

    host: str


class CollectionKind(StrEnum):
    """Whose a hosted collection is (spec.md 5.3).

    An account's; a session's; or an algorithm's files for one user, kept for a day or for good.
    """

    USER = "user"
    SESSION = "session"
    TEMP = "temp"
    PERM = "perm"


@dataclass(frozen=True, slots=True)
class CollectionResource:
    """A hosted collection: with its read ACL (spec.md 5.4), or one that the platform keeps.

    `owner_id` is the account, or the user for whom an algorithm keeps files; a session's
    collection has a session in its place.
    """

    owner_id: UUID | None = None
    read: frozenset[str] = frozenset()
    kind: CollectionKind = CollectionKind.USER
    algorithm_id: UUID | None = None
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ConnectorResource:
    """A place inside a connector, normalised; directories end with a slash."""

    owner_id: UUID
    restriction: str
    writeable: bool
    path: str = ""


@dataclass(frozen=True, slots=True)
class RequestResource:
    """A queued call of an account, and the algorithm whose run made it, if one did."""

    caller_id: UUID
    calling_algorithm_id: UUID | None = None


Resource = (
    AccountResource
    | UserResource
    | AlgorithmResource
    | CollectionResource
    | ConnectorResource
    | RequestResource
    | OriginResource
    | None
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the rule that gave it."""

    allowed: bool
    rule: str

    def __bool__(self) -> bool:
        return self.allowed


# What an explanation listens to; nobody does while a request is served.
_heard: ContextVar[list[tuple[Action, Decision]] | None] = ContextVar("heard", default=None)


def can(principal: Principal, action: Action, resource: Resource = None) -> Decision:
    """Whether `principal` may do `action` to `resource`; what no rule allows is refused."""
    decision = _decide(principal, action, resource)
    heard = _heard.get()
    if heard is not None:
        heard.append((action, decision))
    return decision


@contextmanager
def decisions() -> Iterator[list[tuple[Action, Decision]]]:
    """What is decided in this block, in order."""
    heard: list[tuple[Action, Decision]] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def _decide(principal: Principal, action: Action, resource: Resource) -> Decision:
    if principal.user_id is None:
        return Decision(False, "sign in or send an API key")
    if principal.kind is PrincipalKind.ADMIN_KEY:
        if action is Action.ADMINISTER:
            return _administer(principal, resource)
        if action in _ADMINISTERED:
            return Decision(principal.is_staff, "organizations are open to administrators")
        allowed = action is Action.READ_REFERENCE
        return Decision(allowed, "an admin key works on admin endpoints only")
    return _RULES[action](principal, resource)


def refusal(principal: Principal, decision: Decision) -> NotAuthorized | NotAuthenticated:
    """The error for a refused action on something that may be seen."""
    if principal.user_id is None:
        return NotAuthenticated("authorization required")
    return NotAuthorized(f"{NotAuthorized.message} {decision.rule[0].upper()}{decision.rule[1:]}.")


def require(principal: Principal, action: Action, resource: Resource = None) -> None:
    """Raise the refusal of an action that is not allowed on something that may be seen."""
    decision = can(principal, action, resource)
    if not decision:
        raise refusal(principal, decision)


def matches_acl(patterns: tuple[str, ...], owner: str, name: str) -> bool:
    """Whether a key's patterns cover `owner/name` (`algo://*`, `algo://o/*`, `algo://o/n[/*]`)."""
    owner, name = owner.lower(), name.lower()
    wanted = {"algo://*", f"algo://{owner}/*", f"algo://{owner}/{name}", f"algo://{owner}/{name}/*"}
    return any(pattern.lower() in wanted for pattern in patterns)


def _covers_pattern(patterns: tuple[str, ...], wanted: str) -> bool:
    parts = wanted.lower().removeprefix("algo://").split("/")
    owner, name = parts[0], parts[1] if len(parts) > 1 else "*"
    if owner == "*":
        return any(pattern == "algo://*" for pattern in patterns)
    if name == "*":
        return any(pattern.lower() in ("algo://*", f"algo://{owner}/*") for pattern in patterns)
    return matches_acl(patterns, owner, name)


def _create_algorithm(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not manage algorithms")
    if not principal.scopes.management:
        return Decision(False, "the key may not manage algorithms")
    return Decision(principal.acts_for(resource.id), "algorithms are made by their owner")


def _see_algorithm(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    if principal.acts_for(resource.owner_id):
        return Decision(True, "owner")
    return Decision(resource.public, "others see what was published publicly")


def _call_version(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    if principal.run is not None and not principal.run.pipeline_enabled:
        return Decision(False, "the calling algorithm's settings do not let it call others")
    if not principal.scopes.native_calls:
        return Decision(False, "the key may not be used by native clients")
    if not matches_acl(principal.scopes.algo_acl, resource.owner, resource.name):
        return Decision(False, "the key's algorithm patterns do not cover it")
    return _see_algorithm(principal, resource)


def _call_from_browser(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, OriginResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code is no page in a browser")
    if not principal.scopes.web_calls:
        return Decision(False, "the key may not be used in browsers")
    wanted = principal.scopes.referer_host.lower()
    return Decision(wanted in ("", resource.host), "the key may be used by pages of its host only")


def _see_builds(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    return Decision(principal.acts_for(resource.owner_id), "builds are the owner's to see")


def _read_source(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    if principal.acts_for(resource.owner_id):
        return Decision(True, "owner")
    allowed = resource.source_open and resource.public
    return Decision(allowed, "others read the source of public algorithms with open source")


def _manage_algorithm(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not manage algorithms")
    if not principal.acts_for(resource.owner_id):
        return Decision(False, "algorithms are managed by their owner")
    return Decision(principal.scopes.management, "the key may manage algorithms")


def _publish_publicly(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AlgorithmResource)
    managing = _manage_algorithm(principal, resource)
    if not managing:
        return managing
    allowed = principal.owns(resource.owner_id)
    return Decision(allowed, "an owner of the organization publishes for everybody")


def _read_collection(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, CollectionResource)
    if not principal.scopes.data_read:
        return Decision(False, "the key may not read data")
    if resource.kind is CollectionKind.SESSION:
        return _in_session(principal, resource)
    if resource.kind is CollectionKind.USER and principal.acts_for(resource.owner_id):
        return Decision(True, "owner")
    if resource.kind is not CollectionKind.USER and principal.user_id == resource.owner_id:
        return Decision(True, "the user for whom it is kept")
    if resource.kind is not CollectionKind.USER:
        return Decision(False, "only the user who ran the algorithm reads its temp and perm files")
    if "user://*" in resource.read:
        return Decision(True, "public collection")
    run = principal.run
    if run is not None and "algo://.my/*" in resource.read:
        own = run.algorithm_owner_id == resource.owner_id
        return Decision(own, "collection open to its owner's algorithms")
    return Decision(False, "private collection")


def _write_collection(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, CollectionResource)
    if not principal.scopes.data_write:
        return Decision(False, "the key may not write data")
    if resource.kind is CollectionKind.SESSION:
        return _in_session(principal, resource)
    if resource.kind is not CollectionKind.USER:
        run = principal.run
        own = run is not None and run.algorithm_id == resource.algorithm_id
        allowed = own and principal.user_id == resource.owner_id
        return Decision(allowed, "only the algorithm itself writes its temp and perm files")
    return Decision(principal.acts_for(resource.owner_id), "only the owner writes")


def _see_request(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, RequestResource)
    if principal.user_id != resource.caller_id:
        return Decision(False, "requests are their caller's to see")
    if principal.run is not None:
        own = principal.run.algorithm_id == resource.calling_algorithm_id
        return Decision(own, "an algorithm's code sees the requests that it made itself")
    return Decision(principal.scopes.native_calls, "the key may be used by native clients")


def _manage_collection(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, CollectionResource)
    if resource.kind is not CollectionKind.USER:
        return Decision(False, "this collection always exists, with permissions that never change")
    return _write_collection(principal, resource)


def _in_session(principal: Principal, resource: CollectionResource) -> Decision:
    run = principal.run
    own = run is not None and run.session_id is not None and run.session_id == resource.session_id
    return Decision(own, "only algorithms that run in a session use its files")


def _list_connector(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    reach = _reach_connector(principal, resource)
    if not reach:
        return reach
    allowed = path_patterns.may_hold(resource.restriction, resource.path)
    return Decision(allowed, "nothing below it is inside the connector's path restriction")


def _read_connector(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    reach = _reach_connector(principal, resource)
    if not reach:
        return reach
    allowed = path_patterns.matches(resource.restriction, resource.path)
    return Decision(allowed, "it is outside the connector's path restriction")


def _write_connector(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    reading = _read_connector(principal, resource)
    return reading and _may_write_connector(principal, resource)


def _clear_connector(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    reach = _reach_connector(principal, resource)
    if not reach:
        return reach
    if not path_patterns.covers(resource.restriction, resource.path):
        return Decision(False, "part of it is outside the connector's path restriction")
    return _may_write_connector(principal, resource)


def _read_storage_rules(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    if principal.kind is PrincipalKind.RUN:
        # With them, what the caller keeps to themselves could be opened to the world.
        return Decision(False, "an algorithm's code does not see or change who may use a storage")
    reach = _reach_connector(principal, resource)
    if not reach:
        return reach
    directory = resource.path.endswith("/")
    inside = path_patterns.covers if directory else path_patterns.matches
    allowed = inside(resource.restriction, resource.path)
    return Decision(allowed, "part of it is outside the connector's path restriction")


def _write_storage_rules(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, ConnectorResource)
    reading = _read_storage_rules(principal, resource)
    if reading and not principal.owns(resource.owner_id):
        return Decision(False, "who else may use a storage is for its owners to say")
    return reading and _may_write_connector(principal, resource)


def _reach_connector(principal: Principal, resource: ConnectorResource) -> Decision:
    """An algorithm reaches the connectors of the user who calls it, never its author's."""
    if not principal.scopes.data_read:
        return Decision(False, "the key may not read data")
    return Decision(principal.acts_for(resource.owner_id), "connectors are their owner's to use")


def _may_write_connector(principal: Principal, resource: ConnectorResource) -> Decision:
    if not principal.scopes.data_write:
        return Decision(False, "the key may not write data")
    return Decision(resource.writeable, "the connector is read only")


def _manage_connectors(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not manage connectors")
    if not principal.owns(resource.id):
        return Decision(False, "connectors are managed by their owner")
    if not (principal.scopes.data_read and principal.scopes.data_write):
        return Decision(False, "the key may not read and write data")
    return Decision(principal.scopes.management, "the key may manage algorithms")


def _see_data_accesses(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not read who has used data")
    if not principal.owns(resource.id):
        return Decision(False, "the use of data is its owner's to see")
    return Decision(principal.scopes.data_read, "the key may read data")


def _administer(principal: Principal, resource: Resource) -> Decision:
    if principal.kind not in _ADMINISTRATORS:
        return Decision(False, "administering needs an admin key or a password")
    return Decision(principal.is_staff, "the platform is administered by administrators")


def _impersonate(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, UserResource)
    administering = _administer(principal, resource)
    if not administering:
        return administering
    if principal.kind is not PrincipalKind.PASSWORD:
        return Decision(False, "only who has signed in acts as another")
    if not resource.is_person:
        return Decision(False, "an organization signs in nowhere")
    if resource.is_staff:
        return Decision(False, "nobody acts as another administrator")
    return Decision(resource.is_active, "the account has to be active")


def _manage_webhooks(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        # A way out of the sandbox for whatever the code knows.
        return Decision(False, "an algorithm's code does not use webhooks")
    if principal.user_id != resource.id:
        return Decision(False, "webhooks are managed by their account")
    return Decision(principal.scopes.native_calls, "the key may be used by native clients")


def _see_account_errors(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not read error logs")
    if not principal.scopes.management:
        return Decision(False, "the key may not manage algorithms")
    return Decision(principal.user_id == resource.id, "failed calls are their caller's to see")


def _create_organization(principal: Principal, resource: Resource) -> Decision:
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not make organizations")
    return Decision(principal.scopes.management, "the key may not manage algorithms")


def _see_organization(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not see organizations")
    return Decision(principal.acts_for(resource.id), "organizations are their members' to see")


def _see_organization_errors(principal: Principal, resource: Resource) -> Decision:
    seeing = _see_organization(principal, resource)
    if not seeing:
        return seeing
    return Decision(principal.scopes.management, "the key may not manage algorithms")


def _manage_organization(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    seeing = _see_organization(principal, resource)
    if not seeing:
        return seeing
    if not principal.scopes.management:
        return Decision(False, "the key may not manage algorithms")
    allowed = resource.id in principal.owner_of
    return Decision(allowed, "organizations are managed by their owners")


def _connect_scm(principal: Principal, resource: Resource) -> Decision:
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not connect accounts")
    return Decision(principal.scopes.management, "the key may manage algorithms")


def _manage_own_access(principal: Principal, resource: Resource) -> Decision:
    assert isinstance(resource, AccountResource)
    if principal.kind is PrincipalKind.RUN:
        return Decision(False, "an algorithm's code does not act for the account itself")
    if principal.user_id != resource.id:
        return Decision(False, "that is the account's own to manage")
    return Decision(principal.scopes.management, "the key may not manage algorithms")


def _anyone(principal: Principal, resource: Resource) -> Decision:
    return Decision(True, "every account")


_ADMINISTRATORS = (PrincipalKind.ADMIN_KEY, PrincipalKind.PASSWORD, PrincipalKind.TOKEN)
_ADMINISTERED = (
    Action.SEE_ORGANIZATION,
    Action.MANAGE_ORGANIZATION,
    Action.MANAGE_ORGANIZATION_KEYS,
)
_RULES: dict[Action, Callable[[Principal, Resource], Decision]] = {
    Action.CREATE_ALGORITHM: _create_algorithm,
    Action.SEE_ALGORITHM: _see_algorithm,
    Action.CALL_VERSION: _call_version,
    Action.CALL_FROM_BROWSER: _call_from_browser,
    Action.SEE_BUILDS: _see_builds,
    Action.READ_SOURCE: _read_source,
    Action.WRITE_SOURCE: _manage_algorithm,
    Action.MANAGE_ALGORITHM: _manage_algorithm,
    Action.MANAGE_SECRETS: _manage_algorithm,
    Action.PUBLISH_PUBLICLY: _publish_publicly,
    Action.READ_COLLECTION: _read_collection,
    Action.WRITE_COLLECTION: _write_collection,
    Action.MANAGE_COLLECTION: _manage_collection,
    Action.LIST_CONNECTOR: _list_connector,
    Action.READ_CONNECTOR: _read_connector,
    Action.WRITE_CONNECTOR: _write_connector,
    Action.CLEAR_CONNECTOR: _clear_connector,
    Action.READ_STORAGE_RULES: _read_storage_rules,
    Action.WRITE_STORAGE_RULES: _write_storage_rules,
    Action.MANAGE_CONNECTORS: _manage_connectors,
    Action.SEE_DATA_ACCESSES: _see_data_accesses,
    Action.SEE_REQUEST: _see_request,
    Action.MANAGE_WEBHOOKS: _manage_webhooks,
    Action.SEE_ALGORITHM_ERRORS: _manage_algorithm,
    Action.SEE_ALGORITHM_USAGE: _manage_algorithm,
    Action.SEE_ACCOUNT_ERRORS: _see_account_errors,
    Action.SEE_ORGANIZATION_ERRORS: _see_organization_errors,
    Action.CREATE_ORGANIZATION: _create_organization,
    Action.SEE_ORGANIZATION: _see_organization,
    Action.MANAGE_ORGANIZATION: _manage_organization,
    Action.CONNECT_SCM: _connect_scm,
    Action.CHANGE_PROFILE: _manage_own_access,
    Action.MANAGE_KEYS: _manage_own_access,
    Action.MANAGE_ORGANIZATION_KEYS: _manage_organization,
    Action.MANAGE_SESSIONS: _manage_own_access,
    Action.READ_NOTIFICATIONS: _manage_own_access,
    Action.ANSWER_INVITATIONS: _manage_own_access,
    Action.READ_REFERENCE: _anyone,
    Action.ADMINISTER: _administer,
    Action.IMPERSONATE: _impersonate,
}
