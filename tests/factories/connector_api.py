"""What the API of connectors is sent by its tests."""

from typing import Any

from rest_framework.test import APIClient

from tests.doubles.seaweed import Seaweed

URL = "/v1/users/demo/connectors"
IAM = {"access_key_id": "AKIDCANARY0001", "secret_access_key": "secret-canary-0001"}
BODY: dict[str, Any] = {
    "username": "demo",
    "label": "lab",
    "protocol": "s3",
    "cred_type": "iam",
    "cred_data": IAM,
}
SAS = {
    "storage_uri": "https://account.blob.core.windows.net",
    "sas_token": "sv=2022-11-02&sig=sas-canary-0001",
    "container_name": "container",
}
SERVICE_ACCOUNT = {
    "email": "robot@project.example",
    "private_key_id": "key-id-canary-0001",
    "private_key": "-----BEGIN PRIVATE KEY-----\nkey-canary-0001\n-----END PRIVATE KEY-----\n",
}
OAUTH = {"access_token": "token-canary-0001", "refresh_token": "refresh-canary-0001"}
OTHERS = {
    "azureblob": ("sas", SAS),
    "gs": ("serviceaccount", SERVICE_ACCOUNT),
    "dropbox": ("oauth", OAUTH),
}


def create(api: APIClient, **changes: Any) -> Any:
    return api.post(URL, BODY | changes, format="json")


def change(api: APIClient, **changes: Any) -> Any:
    return api.patch(f"{URL}/s3+lab", changes, format="json")


def at_seaweed(seaweed: Seaweed, **changes: Any) -> dict[str, Any]:
    options = {"endpoint_url": seaweed.url, "addressing": "path"}
    return {"cred_data": seaweed.credentials, "options": options} | changes
