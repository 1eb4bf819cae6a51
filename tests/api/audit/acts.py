"""One request for each operation below /v1 that changes something of the management side.

An operation that is new is told here how it is done; `test_every_act.py` does the rest.
"""

from collections.abc import Callable
from dataclasses import replace

from django.test import Client

from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key as new_key
from algoport.encryption import encrypt
from algorithms.models import Algorithm, Approval
from dataportal.connectors.services import NewConnector, create_connector
from orgs import invitations
from scm.models import ScmAuthorization
from tests.api.audit.world import Act, Call, World
from tests.factories.accounts import principal_of_key
from tests.factories.algorithms import SETTINGS, make_build, make_version
from tests.factories.connectors import CREDENTIALS
from tests.factories.organizations import make_organization
from tests.factories.scm import GITHUB

ACTS: dict[str, Act] = {}
# What changes nothing of the management side, and why.
NO_ACTS = {
    "POST v1/users/<str:username>/connectors/<str:connector_id>/test": "it only looks",
    "POST v1/algorithms/<str:owner>/<str:name>/scm/webhook": "what is fetched then is recorded",
    "POST v1/algorithms/<uuid:algorithm_id>/scm/webhook": "what is fetched then is recorded",
    "POST v1/admin/secret-provider": "it only refuses",
    "POST v1/admin/secret-provider/<str:provider_id>": "it only refuses",
    "DELETE v1/admin/secret-provider/<str:provider_id>": "it only refuses",
    "POST v1/admin/plugins/secret-provider/<str:provider_id>": "it only refuses",
    "POST v1/admin/plugins/secret-provider/<str:provider_id>/default": "it only refuses",
    "POST v1/scms/<str:scm_id>/token/connect": "it only refuses",
    "POST v1/scms/<str:scm_id>/token/status": "it only looks",
}
# What may be two acts, and why.
TWO_ACTS = {
    "POST v1/algorithms/<str:owner>/<str:name>/compile": "its source is taken over, then built",
    "POST v1/algorithms/<uuid:algorithm_id>/compile": "its source is taken over, then built",
}

_ALGORITHM = "v1/algorithms/<str:owner>/<str:name>"
_ALGORITHM_ID = "v1/algorithms/<uuid:algorithm_id>"
_AT_HELLO = "/v1/algorithms/demo/Hello"
_CONNECTORS = "v1/users/<str:username>/connectors"
_CONNECTOR = f"{_CONNECTORS}/<str:connector_id>"
_BUCKETS = f"{_CONNECTOR}/buckets"
_ORGANIZATION = "v1/organizations/<str:name>"
_USER = {"username": "guest", "email": "guest@example.com", "fullname": "Guest"}
_KEY = {"key_label": "laptop", "key_type": "AlgorithmKey", "permissions": {}}
_PROFILE = {
    "org_label": "Makers",
    "org_contact_name": "demo",
    "org_email": "info@example.com",
    "org_url": "",
    "type_id": None,
}
_GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
_AT_LAB = "/v1/users/demo/connectors/s3+lab"


def act(operation: str) -> Callable[[Act], Act]:
    """The function tells how `METHOD route` is asked for."""

    def register(function: Act) -> Act:
        assert operation not in ACTS, operation
        ACTS[operation] = function
        if f" {_ALGORITHM}" in operation:
            ACTS[operation.replace(_ALGORITHM, _ALGORITHM_ID)] = _by_id(function)
        return function

    return register


def _by_id(function: Act) -> Act:
    """The same for an algorithm that is named by its id."""

    def ask(world: World) -> Call:
        call = function(world)
        one = f"/v1/algorithms/{Algorithm.objects.get(name='Hello').pk}"
        return replace(call, path=call.path.replace(_AT_HELLO, one))

    return ask


# -- accounts -------------------------------------------------------------------------------
@act("POST v1/users")
def create_user(world: World) -> Call:
    return Call(world.root, "/v1/users", _USER)


@act("PUT v1/users/<str:username>")
def update_user(world: World) -> Call:
    return Call(
        world.root, "/v1/users/weak", _USER | {"username": "weak", "email": "weak@example.com"}
    )


@act("DELETE v1/users/<str:username>")
def delete_user(world: World) -> Call:
    return Call(world.root, "/v1/users/demo")


@act("POST v1/users/<str:username>/keys")
def create_key(world: World) -> Call:
    return Call(world.root, "/v1/users/demo/keys", _KEY)


@act("POST v1/admin/users/<str:username>/keys")
def create_key_as_administrator(world: World) -> Call:
    return Call(world.root, "/v1/admin/users/demo/keys", _KEY)


@act("DELETE v1/users/<str:username>/keys/<uuid:key_id>")
def revoke_key(world: World) -> Call:
    made = new_key(owner=world.demo.user, label="laptop", scopes=EVERYTHING)
    return Call(world.demo, f"/v1/users/demo/keys/{made.row.pk}")


@act("DELETE v1/users/<str:username>/sessions")
def end_sessions(world: World) -> Call:
    Client().force_login(world.demo.user)
    return Call(world.demo, "/v1/users/demo/sessions")


@act("DELETE v1/users/<str:username>/sessions/<uuid:session_id>")
def end_session(world: World) -> Call:
    Client().force_login(world.demo.user)
    (row,) = world.demo.api.get("/v1/users/demo/sessions").json()
    return Call(world.demo, f"/v1/users/demo/sessions/{row['id']}")


@act("POST v1/admin/invites")
def create_invite_code(world: World) -> Call:
    return Call(world.root, "/v1/admin/invites", {"inviteCode": "a-code-of-some-length"})


@act("DELETE v1/admin/invites/<str:code>")
def delete_invite_code(world: World) -> Call:
    call = create_invite_code(world)
    world.root.api.post(call.path, call.body, format="json")
    return Call(world.root, f"{call.path}/{call.body['inviteCode']}")


# -- organizations --------------------------------------------------------------------------
@act("POST v1/organizations")
def create_organization(world: World) -> Call:
    make_organization("others", world.root.user)
    return Call(world.root, "/v1/organizations", _PROFILE | {"org_name": "makers"})


@act(f"PUT {_ORGANIZATION}")
def update_organization(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers", _PROFILE | {"org_label": "Others"})


@act(f"DELETE {_ORGANIZATION}")
def delete_organization(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers")


@act(f"PUT {_ORGANIZATION}/members/<str:username>")
def put_member(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers/members/demo", {})


@act(f"DELETE {_ORGANIZATION}/members/<str:username>")
def remove_member(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers/members/weak")


@act(f"POST {_ORGANIZATION}/members/<str:username>/keys")
def create_key_of_member(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers/members/weak/keys", _KEY)


@act(f"POST {_ORGANIZATION}/keys")
def create_key_of_organization(world: World) -> Call:
    world.organization()
    return Call(world.root, "/v1/organizations/makers/keys", _KEY)


@act(f"DELETE {_ORGANIZATION}/keys/<uuid:key_id>")
def revoke_key_of_organization(world: World) -> Call:
    account = world.organization().account
    made = new_key(owner=account, label="laptop", scopes=EVERYTHING)
    return Call(world.root, f"/v1/organizations/makers/keys/{made.row.pk}")


@act("POST v1/organization/types")
def create_organization_type(world: World) -> Call:
    return Call(world.root, "/v1/organization/types", {"name": "club"})


@act("DELETE v1/organization/types/<str:name>")
def delete_organization_type(world: World) -> Call:
    world.root.api.post("/v1/organization/types", {"name": "club"}, format="json")
    return Call(world.root, "/v1/organization/types/club")


@act(f"POST {_ORGANIZATION}/invitations")
def invite(world: World) -> Call:
    make_organization("makers", world.demo.user, world.weak.user)
    return Call(world.demo, "/v1/organizations/makers/invitations", {"username": "root"})


@act(f"DELETE {_ORGANIZATION}/invitations/<uuid:invitation_id>")
def withdraw_invitation(world: World) -> Call:
    call = invite(world)
    made = world.demo.api.post(call.path, call.body, format="json").json()
    return Call(world.demo, f"{call.path}/{made['id']}")


def _invited(world: World) -> str:
    """The path of an invitation of demo's."""
    organization = world.organization()
    row = invitations.invite(organization=organization, inviter=world.root.user, username="demo")
    return f"/v1/invitations/{row.pk}"


@act("POST v1/invitations/<uuid:invitation_id>/accept")
def accept_invitation(world: World) -> Call:
    return Call(world.demo, f"{_invited(world)}/accept")


@act("POST v1/invitations/<uuid:invitation_id>/decline")
def decline_invitation(world: World) -> Call:
    return Call(world.demo, f"{_invited(world)}/decline")


# -- connectors -----------------------------------------------------------------------------
def _make_connector(world: World) -> None:
    cred_type, cred_data = CREDENTIALS["s3"]
    new = NewConnector("s3", cred_type, cred_data, "lab", writeable=True)
    create_connector(principal=principal_of_key(world.demo.key), owner="demo", new=new)


@act(f"POST {_CONNECTORS}")
def create_a_connector(world: World) -> Call:
    cred_type, cred_data = CREDENTIALS["s3"]
    body = {"username": "demo", "protocol": "s3", "cred_type": cred_type, "cred_data": cred_data}
    return Call(world.demo, "/v1/users/demo/connectors", body)


@act(f"PATCH {_CONNECTOR}")
def update_connector(world: World) -> Call:
    _make_connector(world)
    return Call(world.demo, _AT_LAB, {"label": "other", "is_default": True})


@act(f"DELETE {_CONNECTOR}")
def delete_connector(world: World) -> Call:
    _make_connector(world)
    return Call(world.demo, _AT_LAB)


@act(f"POST {_BUCKETS}")
def create_bucket(world: World) -> Call:
    _make_connector(world)
    return Call(world.demo, f"{_AT_LAB}/buckets", {"name": "bucket"})


@act(f"PUT {_BUCKETS}/<str:bucket>/acl")
def set_bucket_acl(world: World) -> Call:
    _make_connector(world)
    return Call(world.demo, f"{_AT_LAB}/buckets/bucket/acl", {"acl": "private"})


@act(f"PUT {_BUCKETS}/<str:bucket>/objects/acl")
def set_object_acl(world: World) -> Call:
    _make_connector(world)
    path = f"{_AT_LAB}/buckets/bucket/objects/acl?key=a/b.txt"
    return Call(world.demo, path, {"acl": "private"})


@act(f"PUT {_BUCKETS}/<str:bucket>/cors")
def set_cors(world: World) -> Call:
    _make_connector(world)
    rule = {"allowed_methods": ["GET"], "allowed_origins": ["*"]}
    return Call(world.demo, f"{_AT_LAB}/buckets/bucket/cors", {"rules": [rule]})


@act(f"DELETE {_BUCKETS}/<str:bucket>/cors")
def delete_cors(world: World) -> Call:
    _make_connector(world)
    return Call(world.demo, f"{_AT_LAB}/buckets/bucket/cors")


# -- algorithms -----------------------------------------------------------------------------
@act("POST v1/algorithms/<str:owner>")
def create_algorithm(world: World) -> Call:
    body = {"name": "Hello", "details": {"label": "Hello"}, "settings": SETTINGS}
    return Call(world.demo, "/v1/algorithms/demo", body)


@act(f"PUT {_ALGORITHM}")
def update_algorithm(world: World) -> Call:
    world.algorithm()
    return Call(world.demo, _AT_HELLO, {"details": {"label": "Changed"}, "settings": {}})


@act("DELETE v1/admin/algorithms/<str:owner>/<str:name>")
def delete_algorithm_as_administrator(world: World) -> Call:
    world.algorithm()
    return Call(world.root, "/v1/admin/algorithms/demo/Hello")


@act(f"POST {_ALGORITHM}/versions/<str:number>/approve")
def approve_version(world: World) -> Call:
    return Call(world.demo, f"{_AT_HELLO}/versions/{_held(world)}/approve")


@act(f"POST {_ALGORITHM}/versions/<str:number>/refuse")
def refuse_version(world: World) -> Call:
    return Call(world.demo, f"{_AT_HELLO}/versions/{_held(world)}/refuse")


def _held(world: World) -> str:
    """The number of a version that waits for approval."""
    algorithm = world.algorithm()
    version = make_version(algorithm, callability="private")
    Approval.objects.create(version=version, owner=algorithm.owner)
    return version.semantic_version


@act(f"DELETE {_ALGORITHM}")
def delete_algorithm(world: World) -> Call:
    world.algorithm()
    return Call(world.demo, _AT_HELLO)


@act(f"POST {_ALGORITHM}/compile")
def compile_algorithm(world: World) -> Call:
    world.algorithm()
    return Call(world.demo, f"{_AT_HELLO}/compile")


@act(f"POST {_ALGORITHM}/versions")
def publish_version(world: World) -> Call:
    make_build(world.algorithm())
    body = {
        "version_info": {"version_type": "minor"},
        "settings": {"algorithm_callability": "private"},
    }
    return Call(world.demo, f"{_AT_HELLO}/versions", body)


@act(f"POST {_ALGORITHM}/version")
def publish_version_as_java_does(world: World) -> Call:
    call = publish_version(world)
    return Call(call.who, f"{_AT_HELLO}/version", call.body)


@act(f"POST {_ALGORITHM}/secrets")
def create_secret(world: World) -> Call:
    algorithm = world.algorithm()
    body = {
        "owner_type": "algorithm",
        "owner_id": str(algorithm.pk),
        "short_name": "token",
        "secret_key": "API_TOKEN",
        "secret_value": "value-canary-0001",
        "description": " ",
    }
    return Call(world.demo, f"{_AT_HELLO}/secrets", body)


def _secret(world: World) -> Call:
    call = create_secret(world)
    made = world.demo.api.post(call.path, call.body, format="json").json()
    return Call(world.demo, f"{call.path}/{made['id']}", call.body)


@act(f"PUT {_ALGORITHM}/secrets/<uuid:secret_id>")
def update_secret(world: World) -> Call:
    call = _secret(world)
    return replace(call, body=call.body | {"short_name": "other"})


@act(f"DELETE {_ALGORITHM}/secrets/<uuid:secret_id>")
def delete_secret(world: World) -> Call:
    return replace(_secret(world), body=None)


# -- queued calls and webhooks --------------------------------------------------------------
@act("DELETE v1/requests/<str:request_id>")
def cancel_request(world: World) -> Call:
    return Call(world.demo, f"/v1/requests/{world.queued_call()}")


@act("POST v1/requests/<str:request_id>/redrive")
def redrive_request(world: World) -> Call:
    return Call(world.demo, f"/v1/requests/{world.dead_call()}/redrive")


@act("POST v1/requests/<str:request_id>/webhook/redeliver")
def redeliver(world: World) -> Call:
    return Call(world.demo, f"/v1/requests/{world.delivery().call}/webhook/redeliver")


@act("POST v1/webhooks/secret")
def make_secret(world: World) -> Call:
    return Call(world.demo, "/v1/webhooks/secret")


# -- repository hosts -----------------------------------------------------------------------
@act("POST v1/admin/scms")
def create_scm(world: World) -> Call:
    return Call(world.root, "/v1/admin/scms", GITHUB)


@act("PATCH v1/admin/scms/<str:scm_id>")
def update_scm(world: World) -> Call:
    return Call(world.root, f"/v1/admin/scms/{_scm(world)}", {"enabled": False})


@act("POST v1/admin/scms/<str:scm_id>/default")
def make_scm_default(world: World) -> Call:
    return Call(world.root, f"/v1/admin/scms/{_scm(world)}/default")


@act("DELETE v1/admin/scms/<str:scm_id>")
def delete_scm(world: World) -> Call:
    call = update_scm(world)
    world.root.api.patch(call.path, call.body, format="json")
    return Call(world.root, call.path)


@act("POST v1/scms/<str:scm_id>/oauth/revoke")
def revoke_authorization(world: World) -> Call:
    scm_id = _scm(world)
    ScmAuthorization.objects.create(
        user_id=world.demo.user.pk,
        scm_id=scm_id,
        login="octo",
        access_token=encrypt("token-canary"),
    )
    return Call(world.demo, f"/v1/scms/{scm_id}/oauth/revoke")


def _scm(world: World) -> str:
    made = world.root.api.post("/v1/admin/scms", GITHUB, format="json")
    assert made.status_code == 201, made.content
    identifier: str = made.json()["id"]
    return identifier


# -- the site -------------------------------------------------------------------------------
@act("PUT v1/admin/features/<str:name>")
def switch_feature(world: World) -> Call:
    return Call(world.root, "/v1/admin/features/algorithm-errors", {"enabled": True})


@act("POST v1/admin/reservations")
def create_reservation(world: World) -> Call:
    world.published()
    body = {
        "username": "demo",
        "algoname": "Hello",
        "calling_user": "demo",
        "version_type": "latest_public",
        "num_slots": 1,
    }
    return Call(world.root, "/v1/admin/reservations", body)


@act("DELETE v1/admin/reservations/<str:reservation_id>")
def delete_reservation(world: World) -> Call:
    call = create_reservation(world)
    made = call.who.api.post(call.path, call.body, format="json").json()
    return Call(world.root, f"/v1/admin/reservations/{made['reservation_id']}")


_SPECIFICATION = "algorithm-environments/edge/environment-specifications"


@act(f"DELETE v1/{_SPECIFICATION}/<str:specification_id>")
def disable_environment(world: World) -> Call:
    return Call(world.root, f"/v1/{_SPECIFICATION}/{_specification(world)}")


@act(f"POST v1/{_SPECIFICATION}/<str:specification_id>/syncs")
def enable_environment(world: World) -> Call:
    one = disable_environment(world).path
    world.root.api.delete(one)
    return Call(world.root, f"{one}/syncs")


def _specification(world: World) -> str:
    answer = world.demo.api.get("/v1/algorithm-environments/edge/languages/python3-1/environments")
    (environment,) = answer.json()["environments"]
    identifier: str = environment["environment_specification_id"]
    return identifier


@act("POST v1/config/logo")
def set_logo(world: World) -> Call:
    return Call(world.root, "/v1/config/logo", _GIF)


@act("POST v1/config/favicon")
def set_favicon(world: World) -> Call:
    return Call(world.root, "/v1/config/favicon", _GIF)


@act("DELETE v1/config/logo")
def reset_logo(world: World) -> Call:
    return _reset(world, "/v1/config/logo")


@act("DELETE v1/config/favicon")
def reset_favicon(world: World) -> Call:
    return _reset(world, "/v1/config/favicon")


def _reset(world: World, path: str) -> Call:
    world.root.api.post(path, _GIF, content_type="application/octet-stream")
    return Call(world.root, path)


@act("PUT v1/config/frontend/<str:keyname>")
def set_frontend_entry(world: World) -> Call:
    return Call(world.root, "/v1/config/frontend/brand.color", {"value": "#112233"})


@act("DELETE v1/config/frontend/<str:keyname>")
def delete_frontend_entry(world: World) -> Call:
    call = set_frontend_entry(world)
    world.root.api.put(call.path, call.body, format="json")
    return Call(world.root, call.path)
