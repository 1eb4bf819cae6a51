"""What a connector's storage needs to be told besides credentials; none of it is secret."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from algoport.http.addresses import AddressNotAllowed, OutgoingPolicy, parse_destination
from dataportal.constants import RESTRICTION_LENGTH, Protocol
from dataportal.errors import InvalidConnector, InvalidPath
from dataportal.paths import check_name

_REGION = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]\Z")
_KEY_ID = re.compile(r"[A-Za-z0-9:/_-]{1,2048}\Z")
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,40}\Z")
ADDRESSING = ("auto", "path", "virtual")


def connector_policy() -> OutgoingPolicy:
    """Where connectors may lead."""
    return OutgoingPolicy(settings.CONNECTOR_HOSTS, setting="ALGOPORT_CONNECTOR_HOSTS")


def check_endpoint(url: str) -> str:
    """An address of a storage, in its one spelling.

    Raises InvalidConnector for one that connectors may not lead to. What a name stands for is
    looked at when a connection is made (algoport.http.checked).
    """
    try:
        destination = parse_destination(url)
        connector_policy().check_host(destination)
    except AddressNotAllowed as exc:
        raise InvalidConnector(reason=str(exc)) from exc
    if "?" in destination.target:
        raise InvalidConnector(reason="an address of a storage has no query")
    if "_" in destination.host:
        # Those who speak to storages take no such names.
        raise InvalidConnector(reason="the name of a storage's host has no `_`")
    return f"{destination.scheme}://{destination.authority}{destination.target}".rstrip("/")


def _one_of(name: str, *values: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in values:
            raise InvalidConnector(reason=f"{name} is one of {', '.join(values)}")
        return value

    return check


def _like(name: str, pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.match(value):
            raise InvalidConnector(reason=f"{name} is not {what}")
        return value

    return check


_OPTIONS: dict[str, dict[str, Callable[[str], str]]] = {
    str(Protocol.S3): {
        "endpoint_url": check_endpoint,
        "region": _like("region", _REGION, "the name of a region"),
        "addressing": _one_of("addressing", *ADDRESSING),
        "kms_key_id": _like("kms_key_id", _KEY_ID, "the id of a KMS key"),
    },
    str(Protocol.AZURE_BLOB): {},
    str(Protocol.GOOGLE_CLOUD): {
        "endpoint_url": check_endpoint,
        "project": _like("project", _PROJECT, "the id of a project"),
    },
    str(Protocol.DROPBOX): {},
}


def parse_options(protocol: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The options of this protocol that were given. Raises InvalidConnector.

    No error repeats a value: a secret may be given in the wrong place.
    """
    options = {}
    for name, value in given.items():
        check = _OPTIONS[protocol].get(name)
        if check is None:
            known = ", ".join(_OPTIONS[protocol]) or "no options"
            raise InvalidConnector(reason=f"options of {protocol}: {known}")
        if not isinstance(value, str):
            raise InvalidConnector(reason=f"{name} is a text")
        if value:
            options[name] = check(value)
    return options


def parse_restriction(given: str) -> str:
    """A path restriction as it is stored. Raises InvalidConnector for one that means nothing."""
    text = given.strip().removeprefix("/")
    if not text:
        raise InvalidConnector(reason="a path restriction is a path, or `*` for all of them")
    if len(text) > RESTRICTION_LENGTH:
        raise InvalidConnector(
            reason=f"a path restriction has at most {RESTRICTION_LENGTH} characters"
        )
    segments = text.removesuffix("/").split("/")
    if not all(segments):
        raise InvalidConnector(reason="a path restriction has no empty segments")
    try:
        for segment in segments:
            check_name(segment)
    except InvalidPath as exc:
        raise InvalidConnector(reason=exc.text) from exc
    return text
