"""What the Data Portal lists: everything that one who asks may read or write data in."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from algoport.accounts.models import User
from algoport.accounts.permissions import (
    AccountResource,
    Action,
    CollectionResource,
    Principal,
    can,
)
from dataportal.connectors.selectors import resource_of
from dataportal.constants import EVERY_PATH, Protocol
from dataportal.models import Connector

# Of what a member of very many organizations sees; searching finds the rest.
_MOST_CONNECTORS = 5000


class SourceKind(StrEnum):
    """Kinds of sources that are no connectors; those have their protocol."""

    HOSTED = "data"
    ALGORITHMS = "algo"


KIND_NAMES = {
    str(SourceKind.HOSTED): "Hosted data",
    str(SourceKind.ALGORITHMS): "Algorithm data",
    **{value: str(label) for value, label in Protocol.choices},
}


@dataclass(frozen=True, slots=True)
class DataSource:
    """A row of the list. `place` is where its content is browsed, as in `data/demo`.

    A connector has its id; one whose label another connector of an account in front of it has
    cannot be reached by it, and has no place.
    """

    rank: int
    kind: str
    name: str
    owner: str
    uri: str
    place: str
    writeable: bool
    connector_id: str = ""
    restriction: str = ""
    is_default: bool = False
    managed: bool = False

    @property
    def kind_name(self) -> str:
        return KIND_NAMES[self.kind]

    @property
    def browse_place(self) -> str:
        """As pages name it: a connector's root is a folder."""
        return f"{self.place}/" if self.connector_id else self.place

    @property
    def sort_name(self) -> str:
        return self.name.lower()

    def has(self, text: str) -> bool:
        """Whether the text is in what the row shows."""
        shown = (self.name, self.owner, self.uri, self.kind_name, self.restriction)
        return any(text.lower() in each.lower() for each in shown)


def list_sources_for(principal: Principal) -> list[DataSource]:
    """All sources of the principal and their organizations. Two queries."""
    assert principal.user_id is not None
    names = list_owners_for(principal)
    rows = Connector.objects.filter(owner__in=[principal.user_id, *names])
    rows = rows.defer("credential", "options").order_by("created_at")[:_MOST_CONNECTORS]
    return [*_hosted(principal, names), *_connectors(principal, names, list(rows))]


def list_owners_for(principal: Principal) -> dict[UUID, str]:
    """The organizations that the principal is in, by their names."""
    rows = User.objects.filter(pk__in=principal.member_of, is_active=True)
    return dict(rows.order_by("username").values_list("pk", "username"))


def list_connecting_owners_for(principal: Principal) -> list[str]:
    """Whose connectors the principal makes: their own, and those of organizations."""
    return [
        name
        for account, name in _accounts(principal)
        if can(principal, Action.MANAGE_CONNECTORS, AccountResource(account))
    ]


def list_collecting_owners_for(principal: Principal) -> list[str]:
    """In whose name the principal makes collections: their own, and that of organizations."""
    return [
        name
        for account, name in _accounts(principal)
        if can(principal, Action.MANAGE_COLLECTION, CollectionResource(account))
    ]


def _accounts(principal: Principal) -> list[tuple[UUID, str]]:
    assert principal.user_id is not None
    return [(principal.user_id, principal.username), *list_owners_for(principal).items()]


def _hosted(principal: Principal, organizations: dict[UUID, str]) -> Iterator[DataSource]:
    assert principal.user_id is not None
    own, kind = principal.username, SourceKind.HOSTED
    writes = _writes(principal, principal.user_id)
    yield DataSource(0, kind, "My Hosted Data", own, "data://.my", f"data/{own}", writes)
    algorithms = SourceKind.ALGORITHMS
    yield DataSource(1, algorithms, "Algorithm Data", own, "data://.algo", "data/.algo", False)
    for account, name in organizations.items():
        writes = _writes(principal, account)
        yield DataSource(2, kind, name, name, f"data://{name}", f"data/{name}", writes)


def _connectors(
    principal: Principal, organizations: dict[UUID, str], rows: list[Connector]
) -> Iterator[DataSource]:
    assert principal.user_id is not None
    owners = {principal.user_id: principal.username, **organizations}
    reached: set[str] = set()
    # In the order in which a label is looked up: one's own, and then the oldest.
    for row in sorted(rows, key=lambda each: each.owner_id != principal.user_id):
        if not can(principal, Action.LIST_CONNECTOR, resource_of(row, "")):
            continue
        place = "" if row.name.lower() in reached else row.name
        reached.add(row.name.lower())
        yield DataSource(
            rank=3,
            kind=row.protocol,
            name=row.label,
            owner=owners[row.owner_id],
            uri=f"{row.name}://",
            place=place,
            writeable=row.writeable,
            connector_id=row.name,
            restriction="" if row.path == EVERY_PATH else row.path,
            is_default=row.is_default,
            managed=bool(can(principal, Action.MANAGE_CONNECTORS, AccountResource(row.owner_id))),
        )


def _writes(principal: Principal, account: UUID) -> bool:
    return bool(can(principal, Action.WRITE_COLLECTION, CollectionResource(account)))
