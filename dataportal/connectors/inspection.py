"""Whether a connector works, and what a path restriction would let through."""

from dataclasses import dataclass

from algoport.accounts import path_patterns
from algoport.accounts.permissions import Principal
from dataportal.connectors.asking import ask
from dataportal.connectors.failures import as_api_error
from dataportal.connectors.options import parse_restriction
from dataportal.connectors.selectors import find_connector_for
from dataportal.errors import CredentialsNotReadable
from dataportal.models import Connector
from dataportal.stores.base import (
    FileEntry,
    NotFound,
    NotPermitted,
    Refused,
    Store,
    StoreError,
    Unreachable,
)

PREVIEW_LENGTH = 20
# A restriction that matches nothing must not have a whole storage listed.
MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the storage answered as it should; if not, `reason` is for the owner.

    `summary` says the same in plain words, where `reason` may be the storage's own.
    """

    ok: bool
    reason: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """An object that a restriction lets through."""

    path: str
    entry: FileEntry


@dataclass(frozen=True, slots=True)
class Preview:
    """The first matches; `complete` when there are no others."""

    pattern: str
    matches: list[Match]
    complete: bool


def probe_connector(principal: Principal, owner: str, connector_id: str) -> Verdict:
    """Ask the storage for what the path restriction begins with. Raises ConnectorNotFound."""
    return try_connector(find_connector_for(principal, owner, connector_id))


def try_connector(connector: Connector) -> Verdict:
    """The same of a connector, or the draft of one, that its manager has been given."""
    head = path_patterns.literal_head(connector.path)
    try:
        ask(connector, lambda store: store.check(head))
    except NotFound as exc:
        missing = head.partition("/")[0]
        return Verdict(False, f"the storage has no {missing}: {exc}", _no_place(missing))
    except StoreError as exc:
        return Verdict(False, str(exc), _summary_of(exc))
    except CredentialsNotReadable as exc:
        return Verdict(False, exc.text)
    return Verdict(True)


def preview_restriction(
    principal: Principal, owner: str, connector_id: str, pattern: str
) -> Preview:
    """What the connector would show if it had this path restriction; "" for the one it has.

    Raises InvalidConnector for a pattern that means nothing, and the storage's errors.
    """
    connector = find_connector_for(principal, owner, connector_id)
    return preview_connector(connector, parse_restriction(pattern) if pattern else connector.path)


def preview_connector(connector: Connector, pattern: str) -> Preview:
    """The same of a connector, or the draft of one, that its manager has been given."""
    try:
        return ask(connector, lambda store: _find_matches(store, pattern))
    except StoreError as exc:
        raise as_api_error(exc, connector.name) from exc


def _no_place(name: str) -> str:
    return f"The credentials are good, but there is no “{name}” in the storage."


def _summary_of(exc: StoreError) -> str:
    match exc:
        case NotPermitted():
            return "The credentials are good, but may not list what the path restriction covers."
        case Refused():
            return "The storage does not take these credentials."
        case Unreachable():
            return "The storage cannot be reached."
    return "The storage cannot do what a connector needs."


def _find_matches(store: Store, pattern: str) -> Preview:
    """Depth first, and only where something could match."""
    directory, _, begins = path_patterns.literal_head(pattern).rpartition("/")
    places = [(directory, begins, "")]
    found: list[Match] = []
    for _ in range(MOST_PAGES):
        if not places:
            break
        directory, begins, marker = places.pop()
        try:
            page = store.list_page(directory, begins=begins, marker=marker)
        except NotFound:
            continue
        prefix = f"{directory}/" if directory else ""
        if page.marker:
            places.append((directory, begins, page.marker))
        places += [
            (prefix + folder, "", "")
            for folder in reversed(page.folders)
            if path_patterns.may_hold(pattern, f"{prefix}{folder}/")
        ]
        found += [
            Match(prefix + file.name, file)
            for file in page.files
            if path_patterns.matches(pattern, prefix + file.name)
        ]
        if len(found) > PREVIEW_LENGTH:
            break
    complete = not places and len(found) <= PREVIEW_LENGTH
    return Preview(pattern, found[:PREVIEW_LENGTH], complete)
