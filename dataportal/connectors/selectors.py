"""Connectors as those see them who may."""

from uuid import UUID

from algoport.accounts.permissions import (
    AccountResource,
    Action,
    ConnectorResource,
    Principal,
    can,
    require,
)
from dataportal.constants import EVERY_PATH, LABEL_PATTERN, Protocol
from dataportal.errors import ConnectorNotFound
from dataportal.models import Connector
from dataportal.paths import DataPath
from dataportal.selectors import get_account_for


def get_connector_for(principal: Principal, path: DataPath) -> Connector:
    """The connector that a path names, for the one who asks. Raises ConnectorNotFound.

    It is their own, or else the oldest of that label in their organizations, so that no later one
    changes what a path means; without a label it is their own default. Those of others do not
    exist, and none does for a key that may not read data. An algorithm asks for the user who calls
    it.
    """
    assert principal.user_id is not None
    anywhere = ConnectorResource(principal.user_id, EVERY_PATH, writeable=False)
    if not can(principal, Action.LIST_CONNECTOR, anywhere):
        raise ConnectorNotFound(connector=path.connector)
    owners = {principal.user_id, *(principal.member_of if path.label else ())}
    rows = Connector.objects.filter(owner__in=owners).named(path.protocol, path.label)
    rows = rows.select_related("owner")
    found = sorted(rows, key=lambda each: (each.owner_id != principal.user_id, each.created_at))
    if not found:
        raise ConnectorNotFound(connector=path.connector)
    return found[0]


def is_reached_by(principal: Principal, connector: Connector) -> bool:
    """Whether the connector's name leads to it, and not to another of that label before it."""
    try:
        found = get_connector_for(principal, DataPath(connector.name, ()))
    except ConnectorNotFound:
        return False
    return found.pk == connector.pk


def list_connectors_for(principal: Principal, owner: str) -> list[Connector]:
    """All connectors of the account, for who manages them."""
    return list(
        Connector.objects.owned_by(get_managed_account(principal, owner)).order_by(
            "protocol", "label"
        )
    )


def find_connector_for(principal: Principal, owner: str, connector_id: str) -> Connector:
    """The account's connector, for who manages it. Raises ConnectorNotFound."""
    return get_connector_of(get_managed_account(principal, owner), connector_id)


def use_connector_for(principal: Principal, owner: str, connector_id: str) -> Connector:
    """The account's connector, for who may use it. Raises UserNotFound, ConnectorNotFound."""
    account = get_account_for(principal, owner)
    if not principal.acts_for(account.id):
        raise ConnectorNotFound(connector=repr(connector_id[:80]))
    return get_connector_of(account.id, connector_id)


def resource_of(connector: Connector, path: str) -> ConnectorResource:
    """A place inside the connector; directories end with a slash."""
    return ConnectorResource(connector.owner_id, connector.path, connector.writeable, path)


def get_connector_of(owner_id: UUID, connector_id: str) -> Connector:
    """By its name in URIs, `s3+label`, or by protocol alone for the default one."""
    protocol, plus, label = connector_id.partition("+")
    named = LABEL_PATTERN.match(label) if plus else not label
    if protocol.lower() not in Protocol.values or not named:
        raise ConnectorNotFound(connector=repr(connector_id[:80]))
    try:
        return Connector.objects.owned_by(owner_id).named(protocol.lower(), label).get()
    except Connector.DoesNotExist as exc:
        raise ConnectorNotFound(connector=connector_id) from exc


def get_managed_account(principal: Principal, owner: str) -> UUID:
    """The account, for who manages its connectors. Raises UserNotFound, NotAuthorized."""
    account = get_account_for(principal, owner)
    require(principal, Action.MANAGE_CONNECTORS, AccountResource(account.id))
    return account.id
