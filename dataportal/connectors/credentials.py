"""What a connector's storage is entered with (spec.md 5.5); write-only for everybody outside."""

import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, Self, cast

import orjson

from algoport.encryption import (
    NotDecryptable,
    Reencryption,
    decrypt,
    encrypt,
    encrypt_rows_again,
)
from dataportal.connectors.options import check_endpoint
from dataportal.constants import CREDENTIAL_TYPES, CredentialType
from dataportal.errors import CredentialsNotReadable, InvalidConnector
from dataportal.models import Connector

logger = logging.getLogger(__name__)

_LONGEST = 8192
# All of them travel in headers and addresses; a key in PEM has lines.
_TEXT = re.compile(r"[\x21-\x7e]*\Z")
_LINES = re.compile(r"[\x20-\x7e\r\n]*\Z")
_FIELD = re.compile(r"[a-z_]{1,24}\Z")
_CONTAINER = re.compile(r"\$?[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")


@dataclass(frozen=True, slots=True)
class _Credential:
    """Text fields, of which those with a default may be left out."""

    optional: ClassVar[frozenset[str]] = frozenset()
    of_lines: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Raises InvalidConnector, with names but never with values in its text."""
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(map(str, given)) - known)
        if unknown:
            # SECURITY: in the wrong place there may be a secret, which no error repeats.
            named = [name if _FIELD.match(name) else "..." for name in unknown[:8]]
            raise InvalidConnector(reason=f"cred_data has no {', '.join(named)}")
        values = {}
        for name in sorted(known):
            value = given.get(name, "")
            if not isinstance(value, str) or len(value) > _LONGEST:
                raise InvalidConnector(
                    reason=f"{name} in cred_data is a text of at most {_LONGEST} characters"
                )
            values[name] = value.strip()
            if not (_LINES if name in cls.of_lines else _TEXT).match(values[name]):
                raise InvalidConnector(
                    reason=f"{name} in cred_data has ASCII characters only, and no blanks"
                )
        missing = sorted(name for name in known - cls.optional if not values[name])
        if missing:
            raise InvalidConnector(reason=f"cred_data needs {', '.join(missing)}")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class IamCredential(_Credential):
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SasCredential(_Credential):
    """`storage_uri` is the account's address, such as https://ACCOUNT.blob.core.windows.net."""

    storage_uri: str
    sas_token: str = field(repr=False)
    container_name: str


@dataclass(frozen=True, slots=True)
class ServiceAccountCredential(_Credential):
    of_lines: ClassVar[frozenset[str]] = frozenset({"private_key"})

    email: str
    private_key_id: str = field(repr=False)
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthCredential(_Credential):
    """An access token, and what it is renewed with when it has ended."""

    optional: ClassVar[frozenset[str]] = frozenset({"refresh_token"})

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


Credential = IamCredential | SasCredential | ServiceAccountCredential | OAuthCredential

_CLASSES: dict[str, type[_Credential]] = {
    str(CredentialType.IAM): IamCredential,
    str(CredentialType.SAS): SasCredential,
    str(CredentialType.SERVICE_ACCOUNT): ServiceAccountCredential,
    str(CredentialType.OAUTH): OAuthCredential,
}


def parse_credential(protocol: str, cred_type: str, cred_data: object) -> Credential:
    """From an object, or from JSON text as the API reference has it. Raises InvalidConnector."""
    wanted = CREDENTIAL_TYPES[protocol]
    if cred_type != wanted:
        raise InvalidConnector(reason=f"cred_type of {protocol} is {wanted}")
    if isinstance(cred_data, str):
        try:
            cred_data = orjson.loads(cred_data)
        except orjson.JSONDecodeError:
            # SECURITY: its exception holds the text.
            raise InvalidConnector(reason="cred_data is not valid JSON") from None
    if not isinstance(cred_data, Mapping):
        raise InvalidConnector(reason="cred_data is an object")
    credential = cast("Credential", _CLASSES[cred_type].parse(cred_data))
    if isinstance(credential, SasCredential):
        if not _CONTAINER.match(credential.container_name):
            raise InvalidConnector(reason="container_name is not the name of a container")
        credential = replace(credential, storage_uri=check_endpoint(credential.storage_uri))
    return credential


def seal(credential: Credential) -> str:
    """The credential as it is stored."""
    return encrypt(orjson.dumps(asdict(credential)).decode())


def unseal(protocol: str, sealed: str) -> Credential:
    """Raises CredentialsNotReadable."""
    kind = _CLASSES[CREDENTIAL_TYPES[protocol]]
    try:
        opened = decrypt(sealed)
    except NotDecryptable as exc:
        logger.error("A connector's credentials: %s", exc)
        raise CredentialsNotReadable from exc
    return cast("Credential", kind(**orjson.loads(opened)))


def encrypt_credentials_again() -> Reencryption:
    """Encrypt every connector's credentials with the first encryption key.

    They stay the same ones, so storages that are open stay open.
    """
    return encrypt_rows_again(Connector.objects.select_related("owner"), "credential")
