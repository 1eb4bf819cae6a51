"""The SDK of S3 knows what a connector says, and nothing of the machine."""

from pathlib import Path

import pytest

from algoport.http.addresses import OutgoingPolicy
from dataportal.connectors.credentials import IamCredential
from dataportal.stores import s3


def test_nothing_of_the_machine_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-3\nendpoint_url = http://elsewhere.example\n")
    for name, value in {
        "AWS_PROFILE": "nowhere",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": "http://elsewhere.example",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere.example",
        "AWS_ACCESS_KEY_ID": "another",
        "AWS_REGION": "eu-west-3",
        "HTTPS_PROXY": "http://elsewhere.example",
    }.items():
        monkeypatch.setenv(name, value)
    s3._session.cache_clear()
    client = s3.make_client(IamCredential("demo", "secret"), {}, OutgoingPolicy())
    s3._session.cache_clear()
    assert client.meta.endpoint_url == "https://s3.amazonaws.com"
    assert client.meta.region_name == "us-east-1"
    assert client._request_signer._credentials.access_key == "demo"
    assert client._endpoint.http_session._proxy_config.proxy_url_for("https://x.example") is None
