"""Repository hosts under /v1/scms and /v1/admin/scms."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import Scopes
from algoport.audit.models import AuditEntry
from algoport.encryption import decrypt
from scm.models import ScmConfiguration
from tests.factories.accounts import administrator_client
from tests.factories.algorithms import make_algorithm
from tests.factories.scm import GITHUB, make_internal_scm

pytestmark = pytest.mark.django_db

INTERNAL = {"id": "internal", "provider": "internal", "default": True, "enabled": True}
SHOWN = {
    "default": False,
    "enabled": True,
    "id": "github",
    "provider": "github",
    "urls": GITHUB["urls"],
    "oauth": {"client_id": "89fsdy7"},
    "scm": {"client_id": "89fsdy7"},
}


@pytest.fixture
def administrator(make_user: Callable[[str], User]) -> APIClient:
    make_internal_scm()
    return administrator_client(make_user("admin"))


def create(administrator: APIClient, **changes: Any) -> Any:
    return administrator.post("/v1/admin/scms", {**GITHUB, **changes}, format="json")


def patch(administrator: APIClient, scm_id: str, **changes: Any) -> Any:
    return administrator.patch(f"/v1/admin/scms/{scm_id}", changes, format="json")


def code(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_fresh_platform_has_the_internal_one(api: APIClient) -> None:
    assert api.get("/v1/scms").json() == {"results": [INTERNAL]}
    assert api.get("/v1/scms/internal").json() == INTERNAL
    for missing in ("github", "Internal", "%00", "x" * 300, "a b"):
        assert code(api.get(f"/v1/scms/{missing}")) == (404, 4009)


def test_an_scm_as_its_creator_made_it(administrator: APIClient, api: APIClient) -> None:
    made = create(administrator)
    assert made.status_code == 201 and made.json() == SHOWN
    assert api.get("/v1/scms").json() == {"results": [INTERNAL, SHOWN]}
    assert api.get("/v1/scms/github").json() == SHOWN
    row = ScmConfiguration.objects.get(pk="github")
    assert "canary" not in row.client_secret
    assert decrypt(row.client_secret) == "client-canary-0001"


def test_without_an_id_one_is_made(administrator: APIClient) -> None:
    named = {key: value for key, value in GITHUB.items() if key != "id"}
    made = administrator.post("/v1/admin/scms", {**named, "name": "Ours"}, format="json").json()
    assert len(made["id"]) == 36 and made["name"] == "Ours"
    assert administrator.get(f"/v1/scms/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"provider": "gitlab"}, {"provider": "gitlab"}),
        ({"provider": "bitbucket_cloud"}, {"provider": "bitbucket-cloud"}),
        (
            {"provider": "bitbucket", "oauth": {}, "scm": {"project_key": "ALG"}},
            {"scm": {"project_key": "ALG"}},
        ),
    ],
)
def test_other_providers(
    administrator: APIClient, changes: dict[str, Any], shown: dict[str, Any]
) -> None:
    given = {key: value for key, value in {**GITHUB, **changes}.items() if value != {}}
    made = administrator.post("/v1/admin/scms", given, format="json")
    assert made.status_code == 201, made.json()
    assert shown.items() <= made.json().items()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"provider": "svn"}, (400, 4020)),
        ({"provider": None}, (400, 4020)),
        ({"oauth": {"client_id": "x"}}, (400, 4020)),
        ({"oauth": None}, (400, 4020)),
        ({"urls": {"web": "https://github.com"}}, (400, 4020)),
        ({"urls": {**GITHUB["urls"], "web": "javascript:alert(1)"}}, (400, 4020)),
        ({"urls": {**GITHUB["urls"], "ssh": "https://github.com"}}, (400, 4020)),
        ({"urls": "https://github.com"}, (400, 4020)),
        ({"id": "not/good"}, (400, 4020)),
        ({"id": "bad\x00"}, (400, 4020)),
        ({"id": "x" * 61}, (400, 4020)),
        ({"enabled": "perhaps"}, (400, 4020)),
        ({"provider": "bitbucket"}, (400, 4020)),
        ({"provider": "bitbucket", "scm": {"project_key": "long"}}, (400, 4020)),
        ({"provider": "internal"}, (400, 4045)),
        ({"id": "internal"}, (409, 4044)),
        ({"id": "INTERNAL"}, (409, 4044)),
    ],
)
def test_a_refused_creation_changes_nothing(
    administrator: APIClient, changes: dict[str, Any], refusal: tuple[int, int]
) -> None:
    answer = create(administrator, **changes)
    assert code(answer) == refusal
    assert "canary" not in answer.content.decode()
    assert ScmConfiguration.objects.count() == 1
    assert code(administrator.post("/v1/admin/scms", [1], format="json")) == (400, 4020)


def test_duplicates(administrator: APIClient) -> None:
    create(administrator)
    assert code(create(administrator)) == (409, 4044)
    assert code(create(administrator, id="other")) == (409, 4044)
    other = create(administrator, id="other", oauth={"client_id": "b", "client_secret": "c"})
    assert other.status_code == 201
    row = ScmConfiguration.objects.get(pk="github")
    ScmConfiguration.objects.filter(pk="other").update(client_id="89fsdy7", web_url="https://b.org")
    assert code(patch(administrator, "other", urls=GITHUB["urls"])) == (409, 4044)
    row.refresh_from_db()
    assert ScmConfiguration.objects.get(pk="other").web_url == "https://b.org"


def test_changing(administrator: APIClient, api: APIClient) -> None:
    create(administrator)
    urls = {"web": "https://b.org", "api": "https://b.org/api/v3", "ssh": "ssh://git@b.org:7999"}
    changed = patch(administrator, "github", enabled=False, urls=urls)
    assert changed.status_code == 200
    assert changed.json() == {**SHOWN, "enabled": False, "urls": urls}
    assert decrypt(ScmConfiguration.objects.get(pk="github").client_secret)
    # Administrators still see it, others do not.
    assert administrator.get("/v1/scms/github").json()["enabled"] is False
    assert len(administrator.get("/v1/scms").json()["results"]) == 2
    assert code(api.get("/v1/scms/github")) == (404, 4009)
    assert api.get("/v1/scms").json() == {"results": [INTERNAL]}
    assert patch(administrator, "github", enabled=True).json()["urls"] == urls


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"enabled": "perhaps"},
        {"enabled": None},
        {"urls": {"web": "https://b.org"}},
        {"urls": []},
        {"oauth": {"client_id": "b", "client_secret": "c"}},
        {"enabled": False, "provider": "gitlab"},
    ],
)
def test_a_refused_change_changes_nothing(
    administrator: APIClient, changes: dict[str, Any]
) -> None:
    create(administrator)
    assert code(patch(administrator, "github", **changes)) == (400, 4021)
    assert administrator.get("/v1/scms/github").json() == SHOWN


def test_the_default(administrator: APIClient) -> None:
    create(administrator, enabled=False)
    assert code(administrator.post("/v1/admin/scms/github/default")) == (400, 4042)
    patch(administrator, "github", enabled=True)
    assert administrator.post("/v1/admin/scms/github/default").status_code == 204
    shown = {
        each["id"]: each["default"] for each in administrator.get("/v1/scms").json()["results"]
    }
    assert shown == {"internal": False, "github": True}
    assert code(patch(administrator, "github", enabled=False)) == (409, 4041)
    assert code(administrator.delete("/v1/admin/scms/github")) == (409, 4041)
    assert administrator.post("/v1/admin/scms/internal/default").status_code == 204
    assert patch(administrator, "github", enabled=False).status_code == 200


def test_the_internal_one_stays_as_it_is(administrator: APIClient) -> None:
    assert code(patch(administrator, "internal", enabled=False)) == (409, 4041)
    create(administrator)
    administrator.post("/v1/admin/scms/github/default")
    assert code(patch(administrator, "internal", enabled=False)) == (400, 4045)
    assert code(patch(administrator, "internal", urls=GITHUB["urls"])) == (400, 4045)
    assert code(administrator.delete("/v1/admin/scms/internal")) == (400, 4045)
    assert patch(administrator, "internal", enabled=True).status_code == 200


def test_deleting(administrator: APIClient, demo: User, python_environment: object) -> None:
    create(administrator)
    assert code(administrator.delete("/v1/admin/scms/github")) == (409, 4040)
    patch(administrator, "github", enabled=False)
    algorithm = make_algorithm(demo)
    type(algorithm).objects.update(scm_id="github")
    assert code(administrator.delete("/v1/admin/scms/github")) == (409, 4043)
    type(algorithm).objects.update(scm_id="internal")
    assert administrator.delete("/v1/admin/scms/github").status_code == 204
    assert code(administrator.delete("/v1/admin/scms/github")) == (404, 4009)
    assert code(patch(administrator, "github", enabled=True)) == (404, 4009)
    assert code(administrator.post("/v1/admin/scms/github/default")) == (404, 4009)


def test_who_may(administrator: APIClient, api: APIClient) -> None:
    create(administrator)
    anonymous = APIClient()
    for method, path in (
        ("post", "/v1/admin/scms"),
        ("patch", "/v1/admin/scms/github"),
        ("delete", "/v1/admin/scms/github"),
        ("post", "/v1/admin/scms/github/default"),
    ):
        assert code(getattr(api, method)(path)) == (403, 2001), path
        assert code(getattr(anonymous, method)(path)) == (401, 2002), path
    for path in ("/v1/scms", "/v1/scms/github", "/v1/scms/github/oauth/status"):
        assert code(anonymous.get(path)) == (401, 2002), path
    assert ScmConfiguration.objects.filter(pk="github", enabled=True).exists()


def test_nobody_has_authorized_anything(administrator: APIClient, api: APIClient) -> None:
    create(administrator)
    unauthorized = {"authorization_status": "unauthorized"}
    for scm_id in ("internal", "github"):
        base = f"/v1/scms/{scm_id}"
        assert api.get(f"{base}/oauth/status").json() == unauthorized
        assert api.get(f"{base}/token/status").json() == unauthorized
        assert api.post(f"{base}/token/status").json() == unauthorized
        assert code(api.get(f"{base}/oauth/revoke")) == (404, 4008)
        assert code(api.post(f"{base}/oauth/revoke")) == (404, 4008)
        assert code(api.get(f"{base}/oauth/finish")) == (400, 4051)
        assert code(api.get(f"{base}/oauth/finish?code=1")) == (400, 4052)
    for path in ("oauth/status", "oauth/revoke", "oauth/finish", "oauth/start", "token/status"):
        assert code(api.get(f"/v1/scms/nowhere/{path}")) == (404, 4009), path


def test_no_flow_can_be_started(administrator: APIClient, api: APIClient) -> None:
    create(administrator)
    assert code(api.get("/v1/scms/internal/oauth/start")) == (400, 4050)
    assert code(api.post("/v1/scms/internal/token/connect")) == (400, 4050)
    assert code(api.post("/v1/scms/github/token/connect")) == (400, 4050)
    create(administrator, id="cloud", provider="bitbucket-cloud")
    assert code(api.get("/v1/scms/cloud/oauth/start")) == (400, 4050)
    assert code(api.post("/v1/scms/cloud/token/connect")) == (501, 5005)
    assert code(api.get("/v1/scms/github/token/connect")) == (405, 6001)
    assert code(api.post("/v1/scms/github/oauth/start")) == (405, 6001)
    patch(administrator, "github", enabled=False)
    assert code(api.get("/v1/scms/github/oauth/start")) == (404, 4009)


def test_connecting_needs_a_key_that_manages(
    api: APIClient, demo: User, api_of: Callable[..., APIClient]
) -> None:
    narrow = api_of(demo, Scopes(("algo://*",), native_calls=True))
    assert narrow.get("/v1/scms/internal/oauth/status").status_code == 200
    for path in ("oauth/start", "oauth/finish?code=1", "oauth/revoke"):
        assert code(narrow.get(f"/v1/scms/internal/{path}")) == (403, 2001)
    assert code(narrow.post("/v1/scms/internal/token/connect")) == (403, 2001)


def test_client_secrets_outlive_a_change_of_keys(administrator: APIClient, settings: Any) -> None:
    create(administrator)
    settings.ENCRYPTION_KEYS = ("1" * 32,)
    told = StringIO()
    call_command("encrypt_again", stdout=told)
    assert "client secrets of repository hosts: 1" in told.getvalue()
    settings.SECRET_KEY = "another" * 10
    row = ScmConfiguration.objects.get(pk="github")
    assert decrypt(row.client_secret) == "client-canary-0001"
    settings.ENCRYPTION_KEYS = ("2" * 32,)
    with pytest.raises(CommandError, match="repository host github"):
        call_command("encrypt_again", verbosity=0)


def test_each_act_leaves_one_entry(administrator: APIClient) -> None:
    create(administrator)
    patch(administrator, "github", urls={**GITHUB["urls"], "web": "https://b.org"})
    administrator.post("/v1/admin/scms/github/default")
    administrator.post("/v1/admin/scms/github/default")
    administrator.post("/v1/admin/scms/internal/default")
    patch(administrator, "github", enabled=False)
    assert code(administrator.delete("/v1/admin/scms/internal")) == (400, 4045)
    administrator.delete("/v1/admin/scms/github")
    entries = AuditEntry.objects.filter(target_kind="scmconfiguration").order_by("pk")
    assert [entry.action for entry in entries] == [
        "scm.create",
        "scm.update",
        "scm.make_default",
        "scm.make_default",
        "scm.update",
        "scm.delete",
    ]
    assert "canary" not in "".join(str(vars(entry)) for entry in entries)
