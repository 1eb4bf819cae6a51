"""Who acts in the tests of the audit trail, and what there is to act on."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.models import ApiKey, User
from algoport.accounts.permissions import EVERYTHING, Scopes
from algoport.accounts.services import create_key, create_user
from algorithms.constants import AsyncState
from algorithms.models import Algorithm, AsyncCall, Environment, WebhookDelivery
from orgs.models import Organization
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.organizations import make_organization

# What the requests have in them that nobody is to read in the trail.
SECRETS = ("canary", "demo-secret", "a-code-of-some-length")


@dataclass(frozen=True)
class Person:
    """An account with a key."""

    user: User
    key: ApiKey
    api: APIClient


@dataclass(frozen=True)
class Call:
    """A request, and by whom it succeeds."""

    who: Person
    path: str
    # JSON, or bytes that are sent as they are.
    body: Any = None


@dataclass
class World:
    """`root` is an administrator, `demo` owns things, `weak` has a key that is good for nothing."""

    root: Person
    demo: Person
    weak: Person
    environment: Environment
    site: Client = field(default_factory=Client)

    def algorithm(self) -> Algorithm:
        return make_algorithm(self.demo.user)

    def published(self) -> Algorithm:
        """With a public version."""
        return make_version(self.algorithm()).algorithm

    def organization(self) -> Organization:
        """Of root's and demo's, weak is a member."""
        made = make_organization("makers", self.root.user, self.weak.user)
        return made

    def queued_call(self, **values: Any) -> AsyncCall:
        now = timezone.now()
        given: dict[str, Any] = {
            "id": uuid.uuid4(),
            "session_id": uuid.uuid4(),
            "caller": self.demo.user,
            "owner_name": "demo",
            "algorithm_name": "Hello",
            "algorithm_id": uuid.uuid4(),
            "build_id": uuid.uuid4(),
            "version": "1.0.0",
            "payload": b"j{}",
            "bytes_in": 2,
            "timeout": 10,
            "digest": b"",
            "webhook": "https://hooks.example/in",
            "not_before": now,
            "accepted_at": now,
        }
        return AsyncCall.objects.create(**given | values)

    def dead_call(self) -> AsyncCall:
        return self.queued_call(state=AsyncState.DEAD, ended_at=timezone.now())

    def delivery(self) -> WebhookDelivery:
        return WebhookDelivery.objects.create(
            call=self.dead_call(),
            account=self.demo.user,
            url="https://hooks.example/in",
            receiver="hooks.example",
            not_before=timezone.now(),
        )


def make_world(environment: Environment) -> World:
    root = create_user(username="root", email="root@example.com", staff=True)
    demo = create_user(username="demo", email="demo@example.com")
    weak = create_user(username="weak", email="weak@example.com")
    world = World(
        _person(root, Scopes(), KeyType.ADMIN),
        _person(demo, EVERYTHING),
        _person(weak, Scopes()),
        environment,
    )
    world.site.force_login(root)
    return world


def _person(user: User, scopes: Scopes, key_type: str = KeyType.STANDARD) -> Person:
    key = create_key(owner=user, label="test", scopes=scopes, key_type=key_type)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {key.secret}")
    return Person(user, key.row, client)


Act = Callable[[World], Call]
AdminAct = Callable[[World], tuple[str, dict[str, Any]]]
