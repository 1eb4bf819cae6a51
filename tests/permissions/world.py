"""A world of accounts, keys and objects; a random one of each seed."""

import random
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from algoport.accounts.constants import AccountKind, KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING, Principal, Scopes
from algoport.accounts.services import create_key, create_user, revoke_key
from algorithms.constants import AsyncState, Visibility
from algorithms.models import Algorithm, AsyncCall
from dataportal.connectors.credentials import parse_credential, seal
from dataportal.constants import ReadAcl
from dataportal.models import Collection, Connector
from orgs.services import put_member
from tests.factories.accounts import principal_of_key
from tests.factories.algorithms import make_algorithm, make_build, make_version
from tests.factories.connectors import CREDENTIALS
from tests.factories.dataportal import make_file
from tests.factories.organizations import make_organization

FILE = "file"
_NOTHING = str(uuid.UUID(int=1))
# Parts of paths that are the same in all worlds: of things that are not there, or always are.
EVERYWHERE = {
    "type": "unused",
    "scm_id": "internal",
    "registry_id": "1",
    "listener_id": "1",
    "collection_id": "1",
    "file": FILE,
    "kind": "perm",
    "keyname": "fresh",
    "provider_id": _NOTHING,
    "secret_id": _NOTHING,
    "key_id": _NOTHING,
    "session_id": _NOTHING,
    "invitation_id": _NOTHING,
    "code": "nothing",
    "number": "0.1.0",
    "feature": "algorithm-errors",
    "language": "python3-1",
    "specification_id": "0" * 32,
    "reservation_id": "0" * 32,
}


@dataclass(frozen=True)
class Asker:
    """Somebody with a key, a revoked one, or none."""

    name: str
    secret: str | None = None
    # None where authentication finds nobody.
    principal: Principal | None = None


@dataclass
class World:
    """Names of objects by kind, as the parts of a path name them."""

    askers: list[Asker] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    accounts: list[dict[str, str]] = field(default_factory=list)
    organizations: list[dict[str, str]] = field(default_factory=list)
    algorithms: list[dict[str, str]] = field(default_factory=list)
    collections: list[dict[str, str]] = field(default_factory=list)
    connectors: list[dict[str, str]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def parts(self, dice: random.Random) -> dict[str, str]:
        """One of each, now and then one that there is not."""
        parts = EVERYWHERE | {
            "external_id": "nothing",
            "bucket": dice.choice(("allowed", "other")),
            "place": dice.choice(("allowed/object", "allowed/deep/object", "other/object")),
        }
        kinds = (
            self.accounts,
            self.organizations,
            self.algorithms,
            self.collections,
            self.connectors,
            self.requests,
        )
        for kind in kinds:
            parts |= dice.choice(kind)
        if dice.random() < 0.5:
            # Half of the time the two belong together.
            parts["username"] = parts["connector_owner"]
        return parts


def asker(user: User, name: str, scopes: Scopes = EVERYTHING, **options: Any) -> Asker:
    key = create_key(owner=user, label=name, scopes=scopes, **options)
    return Asker(name, key.secret, principal_of_key(key.row))


def revoked(user: User, name: str) -> Asker:
    key = create_key(owner=user, label=name, scopes=EVERYTHING)
    revoke_key(key=key.row)
    return Asker(name, key.secret)


def new_user(world: World, name: str, **options: Any) -> User:
    user = create_user(username=name, email=f"{name}@example.com", **options)
    world.users.append(user)
    world.accounts.append({"username": user.username, "user_id": str(user.id)})
    return user


def new_organization(world: World, name: str, owner: User, *members: User) -> User:
    account = make_organization(name, owner, *members).account
    world.organizations.append({"organization": name, "external_id": f"ext-{name}"})
    return account


def new_algorithm(world: World, owner: User, name: str, **settings: Any) -> Algorithm:
    algorithm = make_algorithm(owner, name, **settings)
    build = make_build(algorithm)
    world.algorithms.append(
        {
            "owner": owner.username,
            "algorithm": name,
            "algorithm_id": str(algorithm.id),
            "build_id": str(build.id),
            "git_hash": build.commit_sha,
        }
    )
    return algorithm


def new_collection(world: World, owner: User, name: str, acl: ReadAcl) -> None:
    collection = Collection.objects.create(owner=owner, name=name, read_acl=acl)
    make_file(collection, FILE)
    world.collections.append({"data_owner": owner.username, "collection": name})


def new_connector(
    world: World, owner: User, label: str, restriction: str, *, writeable: bool
) -> None:
    Connector.objects.create(
        owner=owner,
        protocol="s3",
        label=label,
        path=restriction,
        writeable=writeable,
        credential=seal(parse_credential("s3", *CREDENTIALS["s3"])),
    )
    world.connectors.append({"connector_id": f"s3+{label}"})


def new_request(world: World, caller: User, algorithm: Algorithm) -> None:
    now = timezone.now()
    call = AsyncCall.objects.create(
        id=uuid.uuid4(),
        session_id=uuid.uuid4(),
        caller=caller,
        owner_name=algorithm.owner.username,
        algorithm_name=algorithm.name,
        algorithm_id=algorithm.id,
        build_id=uuid.uuid4(),
        version="",
        bytes_in=0,
        timeout=300,
        digest=b"",
        state=AsyncState.DEAD,
        not_before=now,
        accepted_at=now,
        ended_at=now + timedelta(seconds=1),
    )
    world.requests.append({"request_id": f"req-{call.id}"})


def random_world(dice: random.Random) -> World:
    """Six users in three organizations, and what they own, may use and may not."""
    world = World()
    users = [new_user(world, f"user{number}") for number in range(6)]
    staff = new_user(world, "staff", staff=True)
    organizations = [
        new_organization(world, f"org{number}", *dice.sample(users, dice.randint(1, 3)))
        for number in range(3)
    ]
    for number, organization in enumerate(organizations):
        put_member(
            organization=_organization(organization),
            username=dice.choice(users).username,
            role="owner" if dice.random() < 0.5 else None,
        )
        world.accounts.append({"username": organization.username, "user_id": str(organization.id)})
        if number:
            world.askers.append(asker(organization, f"key of {organization.username}"))
    owners = [*users, *organizations]
    algorithms = [_random_algorithm(world, dice, owners, number) for number in range(8)]
    for number in range(10):
        new_collection(world, dice.choice(owners), f"set{number}", dice.choice(list(ReadAcl)))
    for number in range(6):
        restriction = dice.choice(("*", "allowed/*", "allowed/object", "nothing"))
        writeable = dice.random() < 0.5
        owner = dice.choice(owners)
        new_connector(world, owner, f"lab{number}", restriction, writeable=writeable)
        world.connectors[-1]["connector_owner"] = owner.username
    for _ in range(6):
        new_request(world, dice.choice(users), dice.choice(algorithms))
    for user in users:
        world.askers += [
            asker(user, f"{user.username} {number}", _random_scopes(dice, user))
            for number in range(3)
        ]
    world.askers += [
        Asker("nobody"),
        revoked(users[0], "revoked"),
        asker(staff, "admin key", key_type=KeyType.ADMIN),
        asker(staff, "key of an administrator"),
    ]
    _add_what_is_not_there(world)
    return world


def _organization(account: User) -> Any:
    assert account.kind == AccountKind.ORGANIZATION
    return account.organization  # type: ignore[attr-defined]


def _random_algorithm(
    world: World, dice: random.Random, owners: list[User], number: int
) -> Algorithm:
    visibility = dice.choice(list(Visibility))
    algorithm = new_algorithm(
        world, dice.choice(owners), f"Algo{number}", source_visibility=visibility
    )
    publisher = dice.choice((None, "public", "private"))
    if publisher is not None:
        make_version(algorithm, publisher)
    if dice.random() < 0.3:
        make_build(algorithm)
    return algorithm


def _random_scopes(dice: random.Random, user: User) -> Scopes:
    def maybe() -> bool:
        return dice.random() < 0.7

    acl = dice.choice(((), ("algo://*",), ("algo://*",), (f"algo://{user.username}/*",)))
    read = maybe()
    return Scopes(acl, maybe(), maybe(), maybe(), "", read, read and maybe())


def _add_what_is_not_there(world: World) -> None:
    nobody = f"nobody{secrets.token_hex(3)}"
    world.accounts.append({"username": nobody, "user_id": str(uuid.uuid4())})
    world.organizations.append({"organization": nobody, "external_id": "nothing"})
    world.algorithms.append(
        {
            "owner": nobody,
            "algorithm": "Nothing",
            "algorithm_id": str(uuid.uuid4()),
            "build_id": str(uuid.uuid4()),
            "git_hash": "0" * 40,
        }
    )
    world.collections.append({"data_owner": nobody, "collection": "nothing"})
    world.connectors.append({"connector_id": "s3+nothing", "connector_owner": nobody})
    world.requests.append({"request_id": f"req-{uuid.uuid4()}"})
