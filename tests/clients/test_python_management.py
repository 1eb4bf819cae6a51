"""What the released Python client does with users and organizations, with an admin key."""

import Algorithmia
import pytest

from tests.acceptance.platform import Platform

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


@pytest.fixture
def administrator(live: Platform) -> Algorithmia.client:
    return Algorithmia.client(live.first_run["admin_api_key"], live.url)


def test_users_and_organizations(administrator: Algorithmia.client) -> None:
    user = {
        "username": "clientuser",
        "email": "clientuser@example.com",
        "passwordHash": "",
        "shouldCreateHello": False,
    }
    assert administrator.create_user(user)["username"] == "clientuser"
    # All that the client tells of a refusal.
    with pytest.raises(Exception, match="409"):
        administrator.create_user(user)
    assert {"basic", "legacy", "pro"} <= {each["name"] for each in administrator.get_org_types()}
    profile = {
        "org_name": "clientorg",
        "org_label": "By the client",
        "org_contact_name": "demo",
        "org_email": "clientorg@example.com",
        "org_url": "https://example.com",
        "type_id": "basic",
    }
    made = administrator.create_org(dict(profile))
    assert made["org_name"] == "clientorg"
    assert administrator.get_org("clientorg") == made
    changed = administrator.edit_org("clientorg", {**profile, "org_label": "Changed"})
    assert changed.status_code == 204
    assert administrator.get_org("clientorg")["org_label"] == "Changed"
    assert administrator.invite_to_org("clientorg", "clientuser").status_code == 201
    assert administrator.invite_to_org("clientorg", "clientuser").status_code == 200
