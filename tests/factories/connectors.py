"""Connectors for tests."""

from typing import Any

from dataportal.connectors.services import NewConnector, create_connector
from dataportal.models import Connector
from tests.factories.dataportal import Caller

CREDENTIALS: dict[str, tuple[str, dict[str, str]]] = {
    "s3": ("iam", {"access_key_id": "demo-access", "secret_access_key": "demo-secret"}),
}


def make_connector(
    owner: Caller, label: str, *, protocol: str = "s3", endpoint: str = "", **named: Any
) -> Connector:
    """A connector of the account; S3 ones lead to `endpoint` in path style."""
    cred_type, cred_data = CREDENTIALS[protocol]
    options = {"endpoint_url": endpoint, "addressing": "path"} if endpoint else {}
    new = NewConnector(protocol, cred_type, cred_data, label, options=options, **named)
    return create_connector(principal=owner.principal, owner=owner.user.username, new=new)
