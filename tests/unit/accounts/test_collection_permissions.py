"""Who reads, writes and manages each kind of collection: the whole table."""

from uuid import uuid4

import pytest

from algoport.accounts.permissions import (
    ANONYMOUS,
    EVERYTHING,
    Action,
    CollectionKind,
    CollectionResource,
    Principal,
    PrincipalKind,
    Run,
    Scopes,
    can,
)

USER, STRANGER, ALGORITHM, SESSION = uuid4(), uuid4(), uuid4(), uuid4()


def key(user=USER, scopes: Scopes = EVERYTHING) -> Principal:
    return Principal(PrincipalKind.KEY, user, "name", scopes=scopes)


def run(user=USER, algorithm=ALGORITHM, session=SESSION) -> Principal:
    return key(user).for_run(Run(algorithm, STRANGER, True, session))


PRINCIPALS = {
    "anonymous": ANONYMOUS,
    "admin key": Principal(PrincipalKind.ADMIN_KEY, USER, "name", True, EVERYTHING),
    "password": Principal(PrincipalKind.PASSWORD, USER, "name", scopes=EVERYTHING),
    "token": Principal(PrincipalKind.TOKEN, USER, "name", scopes=EVERYTHING),
    "key": key(),
    "reading key": key(scopes=Scopes(data_read=True)),
    "key without data": key(scopes=Scopes(("algo://*",), True, True)),
    "stranger's key": key(STRANGER),
    "run": run(),
    "run of another session": run(session=uuid4()),
    "run outside of a session": run(session=None),
    "run of another algorithm": run(algorithm=uuid4()),
    "another algorithm in another session": run(algorithm=uuid4(), session=uuid4()),
    "run for a stranger": run(STRANGER),
    "run for a stranger elsewhere": run(STRANGER, session=uuid4()),
}

KINDS = {
    CollectionKind.USER: CollectionResource(USER),
    CollectionKind.SESSION: CollectionResource(kind=CollectionKind.SESSION, session_id=SESSION),
    CollectionKind.TEMP: CollectionResource(USER, kind=CollectionKind.TEMP, algorithm_id=ALGORITHM),
    CollectionKind.PERM: CollectionResource(USER, kind=CollectionKind.PERM, algorithm_id=ALGORITHM),
}

# What each may do to a collection of an account, a session and an algorithm; `m` is to manage.
TABLE = {
    "anonymous": ("", "", ""),
    "admin key": ("", "", ""),
    "password": ("rwm", "", "r"),
    "token": ("rwm", "", "r"),
    "key": ("rwm", "", "r"),
    "reading key": ("r", "", "r"),
    "key without data": ("", "", ""),
    "stranger's key": ("", "", ""),
    "run": ("rwm", "rw", "rw"),
    "run of another session": ("rwm", "", "rw"),
    "run outside of a session": ("rwm", "", "rw"),
    "run of another algorithm": ("rwm", "rw", "r"),
    "another algorithm in another session": ("rwm", "", "r"),
    "run for a stranger": ("", "rw", ""),
    "run for a stranger elsewhere": ("", "", ""),
}

ACTIONS = {
    "r": Action.READ_COLLECTION,
    "w": Action.WRITE_COLLECTION,
    "m": Action.MANAGE_COLLECTION,
}


@pytest.mark.parametrize("kind", CollectionKind)
@pytest.mark.parametrize("who", PRINCIPALS)
def test_collection_of_each_kind(who: str, kind: CollectionKind) -> None:
    of_account, of_session, of_algorithm = TABLE[who]
    expected = {CollectionKind.USER: of_account, CollectionKind.SESSION: of_session}
    decisions = {
        letter: can(PRINCIPALS[who], action, KINDS[kind]) for letter, action in ACTIONS.items()
    }
    allowed = "".join(letter for letter, decision in decisions.items() if decision)
    assert allowed == expected.get(kind, of_algorithm)
    assert all(decision.rule for decision in decisions.values())


def test_every_principal_kind_is_in_the_table() -> None:
    assert {principal.kind for principal in PRINCIPALS.values()} == set(PrincipalKind)


@pytest.mark.parametrize("kind", [kind for kind in CollectionKind if kind != CollectionKind.USER])
def test_an_acl_opens_no_system_collection(kind: CollectionKind) -> None:
    opened = CollectionResource(
        USER, frozenset({"user://*", "algo://.my/*"}), kind, ALGORITHM, SESSION
    )
    foreign = run(STRANGER, session=uuid4())
    for principal in (key(STRANGER), foreign):
        assert not can(principal, Action.READ_COLLECTION, opened)


def test_no_session_is_nobodys_session() -> None:
    nowhere = CollectionResource(kind=CollectionKind.SESSION, session_id=None)
    for who, principal in PRINCIPALS.items():
        assert not can(principal, Action.READ_COLLECTION, nowhere), who
