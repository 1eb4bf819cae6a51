"""Making, changing and deleting connectors; their owner may."""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from dataportal.connectors.credentials import parse_credential, seal
from dataportal.connectors.options import parse_options, parse_restriction
from dataportal.connectors.selectors import get_connector_of, get_managed_account
from dataportal.constants import (
    EVERY_PATH,
    LABEL_PATTERN,
    MOST_CONNECTORS,
    Protocol,
)
from dataportal.errors import ConnectorAlreadyExists, InvalidConnector, TooManyConnectors
from dataportal.models import Connector
from dataportal.querysets import ConnectorQuerySet

# Sites of old observatories: a label that nobody has chosen should be easy to say.
_LABELS = (
    *("atacama", "calar", "cerro", "effelsberg", "haleakala", "jodrell", "keck", "lick"),
    *("lowell", "maunakea", "palomar", "paranal", "roque", "siding", "teide", "yerkes"),
)


@dataclass(frozen=True, slots=True)
class NewConnector:
    """What a connector is made from; the API's own words (spec.md 5.5)."""

    protocol: str
    cred_type: str
    cred_data: object
    label: str = ""
    path: str = EVERY_PATH
    writeable: bool = False
    is_default: bool = False
    options: dict[str, Any] | None = None


@transaction.atomic
def create_connector(*, principal: Principal, owner: str, new: NewConnector) -> Connector:
    """A new connector of the account. Raises InvalidConnector, ConnectorAlreadyExists."""
    owner_id = get_managed_account(principal, owner)
    connector = _build(owner_id, new)
    _lock_connectors(owner_id)
    rows = Connector.objects.owned_by(owner_id)
    if rows.count() >= MOST_CONNECTORS:
        raise TooManyConnectors(most=MOST_CONNECTORS)
    connector.label = connector.label or _free_label(owner_id, new.protocol)
    with act("connector.create") as done:
        if new.is_default:
            _unset_default(owner_id, new.protocol)
        _insert(connector)
        done.target = connector
        announce_change()
    return connector


def draft_connector(*, principal: Principal, owner: str, new: NewConnector) -> Connector:
    """What `create_connector` would make, to be tried before. Raises InvalidConnector."""
    return _build(get_managed_account(principal, owner), new)


def suggest_label(*, principal: Principal, owner: str, protocol: str) -> str:
    """A label that is free for a new connector of the account."""
    return _free_label(get_managed_account(principal, owner), protocol)


@transaction.atomic
def update_connector(
    *, principal: Principal, owner: str, connector_id: str, changes: dict[str, Any]
) -> Connector:
    """Change a connector; `changes` has the fields of NewConnector but its protocol.

    New credentials replace the old ones as a whole. Raises ConnectorNotFound besides.
    """
    owner_id = get_managed_account(principal, owner)
    _lock_connectors(owner_id)
    connector = get_connector_of(owner_id, connector_id)
    with act("connector.update", connector):
        _change(connector, changes)
        connector.revision = F("revision") + 1
        _insert(connector)
        announce_change()
        connector.refresh_from_db()
    return connector


def draft_change(
    *, principal: Principal, owner: str, connector_id: str, changes: dict[str, Any]
) -> Connector:
    """The connector as `update_connector` would make it, to be tried before.

    Whether it is the default makes no difference then. Raises InvalidConnector besides.
    """
    connector = get_connector_of(get_managed_account(principal, owner), connector_id)
    _change(connector, {name: changes[name] for name in changes if name != "is_default"})
    return connector


def _build(owner_id: UUID, new: NewConnector) -> Connector:
    if new.protocol not in Protocol.values:
        raise InvalidConnector(reason=f"protocol is one of {', '.join(Protocol.values)}")
    return Connector(
        owner_id=owner_id,
        protocol=new.protocol,
        label=_check_label(new.label) if new.label else "",
        path=parse_restriction(new.path),
        writeable=new.writeable,
        is_default=new.is_default,
        options=parse_options(new.protocol, new.options or {}),
        credential=seal(parse_credential(new.protocol, new.cred_type, new.cred_data)),
    )


def _change(connector: Connector, changes: dict[str, Any]) -> None:
    if "label" in changes:
        connector.label = _check_label(changes["label"])
    if "path" in changes:
        connector.path = parse_restriction(changes["path"])
    if "writeable" in changes:
        connector.writeable = changes["writeable"]
    if "options" in changes:
        options = parse_options(connector.protocol, changes["options"])
        moved = options.get("endpoint_url") != connector.options.get("endpoint_url")
        # SECURITY: who knows a key of ours could send the stored ones to a host of theirs.
        if moved and "cred_data" not in changes:
            raise InvalidConnector(
                reason="another endpoint_url needs cred_type and cred_data with it: the stored"
                " credentials are for the storage that they were given for"
            )
        connector.options = options
    if "cred_data" in changes:
        connector.credential = seal(
            parse_credential(connector.protocol, changes.get("cred_type", ""), changes["cred_data"])
        )
    elif "cred_type" in changes:
        raise InvalidConnector(reason="cred_type goes with cred_data")
    if "is_default" in changes:
        if changes["is_default"]:
            _unset_default(connector.owner_id, connector.protocol)
        connector.is_default = changes["is_default"]


def delete_connector(*, principal: Principal, owner: str, connector_id: str) -> None:
    """Raises ConnectorNotFound."""
    owner_id = get_managed_account(principal, owner)
    connector = get_connector_of(owner_id, connector_id)
    remove_connectors(Connector.objects.filter(pk=connector.pk))


@transaction.atomic
def remove_connectors(rows: ConnectorQuerySet) -> None:
    """For those whom no rule has to let: every process forgets these connectors."""
    for connector in rows.select_related("owner").select_for_update(of=("self",)):
        with act("connector.delete", connector):
            connector.delete()
    announce_change()


def _check_label(label: object) -> str:
    if not isinstance(label, str) or not LABEL_PATTERN.match(label):
        raise InvalidConnector(
            reason="a label has letters, digits, `_` and `-`, at most 60, and begins with a letter"
            " or digit"
        )
    return label


def _free_label(owner_id: UUID, protocol: str) -> str:
    rows = Connector.objects.owned_by(owner_id).filter(protocol=protocol)
    taken = {label.lower() for label in rows.values_list("label", flat=True)}
    for label in _LABELS:
        if label not in taken:
            return label
    return f"{secrets.choice(_LABELS)}{secrets.token_hex(4)}"


def _lock_connectors(owner_id: UUID) -> None:
    """One change of an account's connectors at a time: they are counted, and one is the default."""
    User.objects.select_for_update(no_key=True).get(pk=owner_id)


def _unset_default(owner_id: UUID, protocol: str) -> None:
    rows = Connector.objects.owned_by(owner_id).filter(protocol=protocol, is_default=True)
    rows.update(is_default=False)


def _insert(connector: Connector) -> None:
    try:
        with transaction.atomic():
            connector.save()
    except IntegrityError as exc:
        raise ConnectorAlreadyExists(connector=connector.name) from exc
