"""From a connector to its storage."""

from collections.abc import Mapping

from dataportal.connectors.credentials import Credential, IamCredential
from dataportal.connectors.options import connector_policy
from dataportal.stores.base import NotPossible, Store
from dataportal.stores.s3 import S3Store


def open_store(protocol: str, credential: Credential, options: Mapping[str, str]) -> Store:
    """A storage of one's own, to be closed. Raises NotPossible."""
    if isinstance(credential, IamCredential):
        return S3Store(credential, options, connector_policy())
    raise NotPossible(f"storages of the kind {protocol} cannot be opened yet.")
