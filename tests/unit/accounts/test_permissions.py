"""The rules of `can`, each against the roles that matter."""

from uuid import UUID, uuid4

import pytest

from algoport.accounts.permissions import (
    ANONYMOUS,
    EVERYTHING,
    AccountResource,
    Action,
    AlgorithmResource,
    CollectionResource,
    ConnectorResource,
    Principal,
    PrincipalKind,
    Resource,
    Run,
    Scopes,
    can,
    matches_acl,
)

OWNER, STRANGER = uuid4(), uuid4()
ACCOUNT = AccountResource(OWNER)


def algorithm(public: bool, source_open: bool = False) -> AlgorithmResource:
    return AlgorithmResource(uuid4(), OWNER, "demo", "Hello", public, source_open)


def key(user: UUID, scopes: Scopes = EVERYTHING) -> Principal:
    return Principal(PrincipalKind.KEY, user, "name", scopes=scopes)


def admin_key(user: UUID) -> Principal:
    return Principal(PrincipalKind.ADMIN_KEY, user, "name", True, EVERYTHING)


def run(user: UUID, *, algorithm_owner: UUID = STRANGER, pipeline: bool = True) -> Principal:
    return key(user).for_run(Run(uuid4(), algorithm_owner, pipeline))


PRIVATE, PUBLIC, OPEN = algorithm(False), algorithm(True), algorithm(True, True)
MY_ALGORITHMS = CollectionResource(OWNER, frozenset({"algo://.my/*"}))
READ_ONLY = Scopes(("algo://*",), data_read=True, native_calls=True)

DATA = Scopes(("algo://*",), data_read=True, data_write=True, native_calls=True)

Case = tuple[str, Principal, Action, Resource, bool]


def storage_rules(
    name: str,
    principal: Principal,
    path: str,
    *,
    reads: bool,
    writes: bool,
    writeable: bool = True,
    restriction: str = "b/*",
) -> list[Case]:
    place = ConnectorResource(OWNER, restriction, writeable, path)
    return [
        (f"{name} reads rules", principal, Action.READ_STORAGE_RULES, place, reads),
        (f"{name} writes rules", principal, Action.WRITE_STORAGE_RULES, place, writes),
    ]


CASES: list[Case] = [
    ("anonymous sees nothing", ANONYMOUS, Action.SEE_ALGORITHM, PUBLIC, False),
    ("owner sees private", key(OWNER), Action.SEE_ALGORITHM, PRIVATE, True),
    ("stranger does not", key(STRANGER), Action.SEE_ALGORITHM, PRIVATE, False),
    ("stranger sees public", key(STRANGER), Action.SEE_ALGORITHM, PUBLIC, True),
    ("owner calls private", key(OWNER), Action.CALL_VERSION, PRIVATE, True),
    ("stranger calls public", key(STRANGER), Action.CALL_VERSION, PUBLIC, True),
    ("stranger calls private", key(STRANGER), Action.CALL_VERSION, PRIVATE, False),
    ("key without patterns", key(OWNER, Scopes()), Action.CALL_VERSION, PRIVATE, False),
    (
        "key for web pages only",
        key(OWNER, Scopes(("algo://*",), web_calls=True)),
        Action.CALL_VERSION,
        PRIVATE,
        False,
    ),
    ("admin key calls", admin_key(OWNER), Action.CALL_VERSION, PRIVATE, False),
    ("admin key reads references", admin_key(OWNER), Action.READ_REFERENCE, None, True),
    ("admin key reads data", admin_key(OWNER), Action.READ_COLLECTION, MY_ALGORITHMS, False),
    ("admin key administers", admin_key(OWNER), Action.ADMINISTER, None, True),
    ("standard key administers", key(OWNER), Action.ADMINISTER, None, False),
    ("code administers", run(OWNER), Action.ADMINISTER, None, False),
    ("owner reads errors", key(OWNER), Action.SEE_ALGORITHM_ERRORS, PUBLIC, True),
    ("stranger reads errors", key(STRANGER), Action.SEE_ALGORITHM_ERRORS, PUBLIC, False),
    ("code reads errors", run(OWNER), Action.SEE_ALGORITHM_ERRORS, PUBLIC, False),
    ("a call key", key(OWNER, READ_ONLY), Action.SEE_ALGORITHM_ERRORS, PUBLIC, False),
    ("owner sees usage", key(OWNER), Action.SEE_ALGORITHM_USAGE, PUBLIC, True),
    ("stranger sees usage", key(STRANGER), Action.SEE_ALGORITHM_USAGE, PUBLIC, False),
    ("own failures", key(OWNER), Action.SEE_ACCOUNT_ERRORS, ACCOUNT, True),
    ("another's failures", key(STRANGER), Action.SEE_ACCOUNT_ERRORS, ACCOUNT, False),
    ("code and failures", run(OWNER), Action.SEE_ACCOUNT_ERRORS, ACCOUNT, False),
    ("call key and failures", key(OWNER, READ_ONLY), Action.SEE_ACCOUNT_ERRORS, ACCOUNT, False),
    ("owner creates", key(OWNER), Action.CREATE_ALGORITHM, ACCOUNT, True),
    ("key without management", key(OWNER, READ_ONLY), Action.CREATE_ALGORITHM, ACCOUNT, False),
    ("in another's account", key(STRANGER), Action.CREATE_ALGORITHM, ACCOUNT, False),
    ("stranger manages public", key(STRANGER), Action.MANAGE_ALGORITHM, PUBLIC, False),
    ("code manages", run(OWNER), Action.MANAGE_ALGORITHM, PRIVATE, False),
    ("code creates", run(OWNER), Action.CREATE_ALGORITHM, ACCOUNT, False),
    ("code pushes", run(OWNER), Action.WRITE_SOURCE, PRIVATE, False),
    ("code calls", run(OWNER), Action.CALL_VERSION, PRIVATE, True),
    ("code without pipelining", run(OWNER, pipeline=False), Action.CALL_VERSION, PUBLIC, False),
    ("stranger reads closed source", key(STRANGER), Action.READ_SOURCE, PUBLIC, False),
    ("stranger reads open source", key(STRANGER), Action.READ_SOURCE, OPEN, True),
    (
        "open source, never published",
        key(STRANGER),
        Action.READ_SOURCE,
        algorithm(False, True),
        False,
    ),
    ("stranger sees builds", key(STRANGER), Action.SEE_BUILDS, PUBLIC, False),
    ("owner reads", key(OWNER), Action.READ_COLLECTION, CollectionResource(OWNER), True),
    (
        "owner's key without data",
        key(OWNER, Scopes(("algo://*",))),
        Action.READ_COLLECTION,
        MY_ALGORITHMS,
        False,
    ),
    ("read-only key writes", key(OWNER, READ_ONLY), Action.WRITE_COLLECTION, MY_ALGORITHMS, False),
    ("stranger reads my-algorithms", key(STRANGER), Action.READ_COLLECTION, MY_ALGORITHMS, False),
    (
        "owner's algorithm, called by a stranger, reads",
        run(STRANGER, algorithm_owner=OWNER),
        Action.READ_COLLECTION,
        MY_ALGORITHMS,
        True,
    ),
    (
        "another's algorithm, called by a stranger, reads",
        run(STRANGER, algorithm_owner=STRANGER),
        Action.READ_COLLECTION,
        MY_ALGORITHMS,
        False,
    ),
    (
        "owner's algorithm, called by a stranger, writes",
        run(STRANGER, algorithm_owner=OWNER),
        Action.WRITE_COLLECTION,
        MY_ALGORITHMS,
        False,
    ),
    ("owner manages connectors", key(OWNER), Action.MANAGE_CONNECTORS, ACCOUNT, True),
    ("stranger manages connectors", key(STRANGER), Action.MANAGE_CONNECTORS, ACCOUNT, False),
    ("code manages connectors", run(OWNER), Action.MANAGE_CONNECTORS, ACCOUNT, False),
    ("admin key and connectors", admin_key(OWNER), Action.MANAGE_CONNECTORS, ACCOUNT, False),
    ("reading key and connectors", key(OWNER, READ_ONLY), Action.MANAGE_CONNECTORS, ACCOUNT, False),
    ("data key and connectors", key(OWNER, DATA), Action.MANAGE_CONNECTORS, ACCOUNT, False),
    *storage_rules("owner", key(OWNER), "b/", reads=True, writes=True),
    *storage_rules("owner, of an object", key(OWNER), "b/k", reads=True, writes=True),
    *storage_rules("data key", key(OWNER, DATA), "b/", reads=True, writes=True),
    *storage_rules("reading key", key(OWNER, READ_ONLY), "b/", reads=True, writes=False),
    *storage_rules("key without data", key(OWNER, Scopes()), "b/", reads=False, writes=False),
    *storage_rules("stranger", key(STRANGER), "b/", reads=False, writes=False),
    *storage_rules("anonymous", ANONYMOUS, "b/", reads=False, writes=False),
    *storage_rules("admin key", admin_key(OWNER), "b/", reads=False, writes=False),
    # It could open to the world what its caller keeps to themselves.
    *storage_rules("code", run(OWNER), "b/", reads=False, writes=False),
    *storage_rules("code, of an object", run(OWNER), "b/k", reads=False, writes=False),
    *storage_rules("other bucket", key(OWNER), "c/", reads=False, writes=False),
    *storage_rules("all buckets", key(OWNER), "", reads=False, writes=False),
    *storage_rules("read only", key(OWNER), "b/", reads=True, writes=False, writeable=False),
    *storage_rules("part", key(OWNER), "b/", reads=False, writes=False, restriction="b/k*"),
    *storage_rules("object in it", key(OWNER), "b/k1", reads=True, writes=True, restriction="b/k*"),
    ("owner's key manages webhooks", key(OWNER), Action.MANAGE_WEBHOOKS, ACCOUNT, True),
    ("stranger manages webhooks", key(STRANGER), Action.MANAGE_WEBHOOKS, ACCOUNT, False),
    ("code manages webhooks", run(OWNER), Action.MANAGE_WEBHOOKS, ACCOUNT, False),
    ("admin key manages webhooks", admin_key(OWNER), Action.MANAGE_WEBHOOKS, ACCOUNT, False),
    (
        "key that may not call manages webhooks",
        key(OWNER, Scopes(("algo://*",), True, data_read=True)),
        Action.MANAGE_WEBHOOKS,
        ACCOUNT,
        False,
    ),
    (
        "public collection",
        key(STRANGER),
        Action.READ_COLLECTION,
        CollectionResource(OWNER, frozenset({"user://*"})),
        True,
    ),
]


@pytest.mark.parametrize(
    ("principal", "action", "resource", "allowed"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_rule(principal: Principal, action: Action, resource: Resource, allowed: bool) -> None:
    decision = can(principal, action, resource)
    assert bool(decision) is allowed
    assert decision.rule


def test_every_action_refuses_an_anonymous_caller() -> None:
    for action in Action:
        assert not can(ANONYMOUS, action, None)


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("algo://*", True),
        ("algo://demo/*", True),
        ("algo://DEMO/hello", True),
        ("algo://demo/Hello/*", True),
        ("algo://demo/Hell", False),
        ("algo://dem/*", False),
        ("algo://demo", False),
        ("algo://other/Hello", False),
    ],
)
def test_patterns_of_a_key(pattern: str, covered: bool) -> None:
    assert matches_acl((pattern,), "demo", "Hello") is covered
