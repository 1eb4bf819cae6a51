"""What people and hosts do with repositories of algorithms at other hosts."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from rest_framework.test import APIClient

from tests.factories.algorithms import SETTINGS


def agree(api: APIClient, scm: str = "github") -> dict[str, str]:
    """What the host sends back after the account has agreed there."""
    begun = api.get(f"/v1/scms/{scm}/oauth/start")
    assert begun.status_code == 303, begun.content
    agreed = requests.get(begun.headers["Location"], allow_redirects=False, timeout=10)
    back = urlsplit(agreed.headers["Location"])
    assert back.path == f"/v1/scms/{scm}/oauth/finish"
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def connect(api: APIClient, scm: str = "github") -> None:
    finished = api.get(f"/v1/scms/{scm}/oauth/finish", agree(api, scm))
    assert finished.status_code == 200, finished.content


def create(api: APIClient, name: str = "Hello", owner: str = "demo", **source: Any) -> Any:
    body = {
        "name": name,
        "details": {"label": name},
        "settings": SETTINGS,
        "source": {"scm": "github"} | source,
    }
    return api.post(f"/v1/algorithms/{owner}", body, format="json")


def deliver(given: dict[str, Any], path: str = "demo/Hello") -> Any:
    """Send an event as the host does: without a key."""
    return APIClient().post(
        f"/v1/algorithms/{path}/scm/webhook",
        given["data"],
        content_type="application/json",
        headers=given["headers"],
    )
