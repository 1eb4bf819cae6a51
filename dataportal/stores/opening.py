"""The store behind a connector (a temporary stand-in)."""

from dataportal.connectors.credentials import unseal
from dataportal.connectors.options import connector_policy
from dataportal.models import Connector
from dataportal.stores.base import Store


class _Stores:
    def __init__(self) -> None:
        self._known: dict[object, Store] = {}

    def get(self, connector: Connector) -> Store:
        from dataportal.stores.s3 import S3Store

        key = (connector.pk, connector.revision)
        if key not in self._known:
            credential = unseal(connector.protocol, connector.credential)
            self._known[key] = S3Store(credential, connector.options, connector_policy())  # type: ignore
        return self._known[key]


STORES = _Stores()
