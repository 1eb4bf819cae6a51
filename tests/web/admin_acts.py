"""One request for each thing that the admin site lets be added, changed, deleted or done.

What is new is told here how it is done; `test_audited_admin.py` does the rest.
"""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.test import Client

from algoport.accounts.administration import deactivate_account, make_administrator
from algoport.accounts.constants import SignUpMode
from algoport.accounts.models import (
    ApiKey,
    InviteCode,
    SignedInSession,
    SignInProvider,
    SignUpPolicy,
    User,
)
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algorithms.categories import CategoryFields, create_category
from algorithms.constants import DeliveryState, FeatureName
from algorithms.models import (
    AccountFeature,
    Algorithm,
    AsyncCall,
    Category,
    Environment,
    Feature,
    Reservation,
    WebhookDelivery,
)
from algorithms.running.reservations import ReservationRequest, create_reservation
from dataportal.connectors.services import NewConnector, create_connector
from dataportal.models import Connector, HostedUsage
from orgs import invitations
from orgs.models import Invitation, Organization, OrganizationType
from orgs.services import create_organization_type
from scm.models import ScmConfiguration
from tests.api.audit.world import World
from tests.factories.accounts import principal_of_key
from tests.factories.connectors import CREDENTIALS
from tests.factories.scm import GITHUB

# A path below /admin/ and the form that is sent there.
Form = tuple[str, dict[str, Any]]
ADMIN_ACTS: dict[str, Callable[[World], Form]] = {}
# Shown by the tests of their own pages, with the middleware of the tests.
SHOWN_ELSEWHERE = {"configuration.frontendentry", "configuration.siteimage"}


def operations(site: Any, request: Any) -> set[str]:
    """`WHAT app.model` for all that an administrator is let do."""
    found = set()
    for model, page in site._registry.items():
        if model._meta.label_lower not in SHOWN_ELSEWHERE:
            found |= {f"{what} {model._meta.label_lower}" for what in _of_page(page, request)}
    return found


def _of_page(page: "ModelAdmin[Any]", request: Any) -> set[str]:
    allowed = {
        "add": page.has_add_permission(request),
        "change": page.has_change_permission(request),
        "delete": page.has_delete_permission(request),
    }
    done = {what for what, is_allowed in allowed.items() if is_allowed}
    return done | set(page.get_actions(request)) | {f"act:{one.name}" for one in page.acts}


def act(operation: str) -> Callable[[Callable[[World], Form]], Callable[[World], Form]]:
    def register(function: Callable[[World], Form]) -> Callable[[World], Form]:
        assert operation not in ADMIN_ACTS, operation
        ADMIN_ACTS[operation] = function
        return function

    return register


def _path(row: Model, what: str = "") -> str:
    base = f"{row._meta.app_label}/{row._meta.model_name}/"
    return f"{base}{row.pk}/{what}/" if what else base


def _action(row: Model, name: str) -> Form:
    asked = {"post": "yes", "confirmed": "yes"}
    return _path(row), {"action": name, "_selected_action": [str(row.pk)], **asked}


def _does(name: str, make: Callable[[World], Any], /, **form: str) -> None:
    """An act of the page of one row."""

    def ask(world: World) -> Form:
        return _path(make(world), f"act/{name}"), form

    label = make.__annotations__["return"]._meta.label_lower
    act(f"act:{name} {label}")(ask)


# -- people ---------------------------------------------------------------------------------
@act("add accounts.user")
def add_user(world: World) -> Form:
    return "accounts/user/add/", {"username": "guest", "email": "guest@example.com"}


@act("change accounts.user")
def change_user(world: World) -> Form:
    return _path(world.demo.user, "change"), {"fullname": "Demo"}


def _demo(world: World) -> User:
    return world.demo.user


def _administrator(world: World) -> User:
    make_administrator(account=world.demo.user)
    return world.demo.user


def _deactivated(world: World) -> User:
    deactivate_account(account=world.demo.user)
    return world.demo.user


def _key(world: World) -> ApiKey:
    return create_key(owner=world.demo.user, label="laptop", scopes=EVERYTHING).row


def _organization(world: World) -> Organization:
    return world.organization()


_does("impersonate", _demo)
_does("work-limits", _demo, call_limit="5")
_does("make-administrator", _demo)
_does("remove-administrator", _administrator)
_does("deactivate", _demo)
_does("restore", _deactivated)
_does("revoke", _key)
_does("put-member", _organization, username="demo", role="member")
_does("remove-member", _organization, username="weak")
_does("delete", _organization)


@act("revoke accounts.apikey")
def revoke(world: World) -> Form:
    return _action(_key(world), "revoke")


@act("add orgs.organization")
def add_organization(world: World) -> Form:
    made = world.organization()
    form = {"name": "others", "owner": "demo", "label": "Others", "contact_name": "demo"}
    return "orgs/organization/add/", form | _rest(made)


def _rest(made: Organization) -> dict[str, str]:
    return {
        "email": "info@example.com",
        "url": "",
        "type": str(made.type_id),
        "external_id": "",
    }


@act("change orgs.organization")
def change_organization(world: World) -> Form:
    made = world.organization()
    return _path(made, "change"), {"label": "Changed", "contact_name": "demo"} | _rest(made)


@act("add orgs.organizationtype")
def add_type(world: World) -> Form:
    return "orgs/organizationtype/add/", {"name": "club"}


def _type() -> OrganizationType:
    return create_organization_type(name="club")


@act("delete orgs.organizationtype")
def delete_type(world: World) -> Form:
    return _path(_type(), "delete"), {"post": "yes"}


@act("delete_selected orgs.organizationtype")
def delete_types(world: World) -> Form:
    return _action(_type(), "delete_selected")


@act("add dataportal.hostedusage")
def add_limits(world: World) -> Form:
    form = {"owner": str(world.demo.user.pk), "byte_limit": "10", "file_limit": ""}
    return "dataportal/hostedusage/add/", form


@act("change dataportal.hostedusage")
def change_limits(world: World) -> Form:
    row = HostedUsage.objects.create(owner=world.demo.user)
    return _path(row, "change"), {"byte_limit": "10", "file_limit": ""}


def _connector(world: World) -> Connector:
    cred_type, cred_data = CREDENTIALS["s3"]
    new = NewConnector("s3", cred_type, cred_data, "lab")
    return create_connector(principal=principal_of_key(world.demo.key), owner="demo", new=new)


@act("delete dataportal.connector")
def delete_connector(world: World) -> Form:
    return _path(_connector(world), "delete"), {"post": "yes"}


@act("delete_selected dataportal.connector")
def delete_connectors(world: World) -> Form:
    return _action(_connector(world), "delete_selected")


# -- algorithms and calls -------------------------------------------------------------------
def _dead_call(world: World) -> AsyncCall:
    return world.dead_call()


def _queued_call(world: World) -> AsyncCall:
    return world.queued_call()


def _delivery(world: World) -> WebhookDelivery:
    made = world.delivery()
    WebhookDelivery.objects.update(state=DeliveryState.FAILED)
    return made


def _feature(world: World) -> Feature:
    return Feature.objects.create(name=FeatureName.ALGORITHM_ERRORS, enabled=False)


def _feature_on(world: World) -> Feature:
    return Feature.objects.create(name=FeatureName.ALGORITHM_ERRORS, enabled=True)


_does("redrive", _dead_call)
_does("cancel", _queued_call)
_does("send-again", _delivery)
_does("switch-on", _feature)
_does("switch-off", _feature_on)


@act("redrive algorithms.asynccall")
def redrive(world: World) -> Form:
    path, form = _action(_dead_call(world), "redrive")
    return f"{path}?period=all", form


@act("send_again algorithms.webhookdelivery")
def send_again(world: World) -> Form:
    return _action(_delivery(world), "send_again")


@act("add algorithms.feature")
def add_feature(world: World) -> Form:
    return "algorithms/feature/add/", {"name": FeatureName.ALGORITHM_ERRORS, "enabled": "on"}


@act("add algorithms.reservation")
def add_reservation(world: World) -> Form:
    world.published()
    version = {"version_type": "latest_public", "version_identifier": "", "num_slots": "1"}
    names = {"algorithm_name": "demo/Hello", "caller_name": "demo"}
    return "algorithms/reservation/add/", names | version


def _reservation(world: World) -> Reservation:
    world.published()
    return create_reservation(asked=ReservationRequest("demo", "Hello", "demo", "latest_public", 1))


@act("delete algorithms.reservation")
def delete_reservation(world: World) -> Form:
    return _path(_reservation(world), "delete"), {"post": "yes"}


@act("delete_selected algorithms.reservation")
def delete_reservations(world: World) -> Form:
    return _action(_reservation(world), "delete_selected")


# -- repository hosts -----------------------------------------------------------------------
ADDRESSES = {f"{name}_url": url for name, url in GITHUB["urls"].items()}


def _host(world: World) -> ScmConfiguration:
    made = world.root.api.post("/v1/admin/scms", GITHUB, format="json")
    assert made.status_code == 201, made.content
    return ScmConfiguration.objects.get(pk="github")


def _disabled_host(world: World) -> ScmConfiguration:
    host = _host(world)
    world.root.api.patch("/v1/admin/scms/github", {"enabled": False}, format="json")
    return host


_does("enable", _disabled_host)
_does("disable", _host)
_does("make-default", _host)
_does("delete", _disabled_host)
_does("change-addresses", _host, **ADDRESSES)


@act("add scm.scmconfiguration")
def add_host(world: World) -> Form:
    form = {"scm_id": "github", "provider": "github", "enabled": "on", **GITHUB["oauth"]}
    return "scm/scmconfiguration/add/", form | ADDRESSES


def _signed_in(world: World) -> User:
    Client().force_login(world.demo.user)
    return world.demo.user


def _with_second_factor(world: World) -> User:
    Authenticator.objects.create(user=world.demo.user, type=Authenticator.Type.TOTP, data={})
    return world.demo.user


_does("external-id", _demo, external_id="an-id")
_does("end-sessions", _signed_in)
_does("remove-second-factors", _with_second_factor)


# -- signing in -----------------------------------------------------------------------------
@act("change accounts.signuppolicy")
def change_sign_up(world: World) -> Form:
    return _path(SignUpPolicy.objects.get(), "change"), {"mode": SignUpMode.INVITE}


@act("add accounts.invitecode")
def add_invite_code(world: World) -> Form:
    form = {"new_code": "a-code-of-some-length", "comments": "", "expires_at_0": ""}
    return "accounts/invitecode/add/", form | {"expires_at_1": "", "max_uses": ""}


def _invite_code(world: World) -> InviteCode:
    body = {"inviteCode": "a-code-of-some-length"}
    made = world.root.api.post("/v1/admin/invites", body, format="json")
    assert made.status_code == 200, made.content
    return InviteCode.objects.get()


@act("delete accounts.invitecode")
def delete_invite_code(world: World) -> Form:
    return _path(_invite_code(world), "delete"), {"post": "yes"}


@act("delete_selected accounts.invitecode")
def delete_invite_codes(world: World) -> Form:
    return _action(_invite_code(world), "delete_selected")


PROVIDER = {
    "kind": "openid_connect",
    "name": "Example",
    "slug": "example",
    "server_url": "https://id.example.com",
    "client_id": "client",
    "is_enabled": "on",
    "new_secret": "client-canary-0001",
}


@act("add accounts.signinprovider")
def add_provider(world: World) -> Form:
    return "accounts/signinprovider/add/", PROVIDER


def _provider(world: World) -> SignInProvider:
    added = world.site.post("/admin/accounts/signinprovider/add/", PROVIDER)
    assert added.status_code == 302, added.content
    return SignInProvider.objects.get()


@act("change accounts.signinprovider")
def change_provider(world: World) -> Form:
    return _path(_provider(world), "change"), PROVIDER | {"name": "Other"}


@act("delete accounts.signinprovider")
def delete_provider(world: World) -> Form:
    return _path(_provider(world), "delete"), {"post": "yes"}


@act("delete_selected accounts.signinprovider")
def delete_providers(world: World) -> Form:
    return _action(_provider(world), "delete_selected")


# -- what else there is on the pages --------------------------------------------------------
def _algorithm(world: World) -> Algorithm:
    return world.algorithm()


def _environment(world: World) -> Environment:
    return world.environment


def _disabled_environment(world: World) -> Environment:
    Environment.objects.filter(pk=world.environment.pk).update(enabled=False)
    return world.environment


def _unused_environment(world: World) -> Environment:
    return Environment.objects.create(
        name="unused", display_name="Unused", language="python3-1", recipe="python3"
    )


def _session(world: World) -> SignedInSession:
    Client().force_login(world.demo.user)
    return SignedInSession.objects.get(user=world.demo.user)


def _invitation(world: World) -> Invitation:
    organization = world.organization()
    return invitations.invite(organization=organization, inviter=world.root.user, username="demo")


def _feature_of(world: World) -> AccountFeature:
    name = FeatureName.ALGORITHM_ERRORS
    return AccountFeature.objects.create(account=world.demo.user, name=name, enabled=False)


def _feature_on_of(world: World) -> AccountFeature:
    row = _feature_of(world)
    AccountFeature.objects.update(enabled=True)
    return row


_does("delete", _algorithm, name="demo/Hello")
_does("disable", _environment)
_does("enable", _disabled_environment)
_does("delete", _unused_environment)
_does("end", _session)
_does("password-reset", _demo)
_does("withdraw", _invitation)
_does("switch-on", _feature_of)
_does("switch-off", _feature_on_of)


ENVIRONMENT = {
    "name": "own",
    "display_name": "Own",
    "language": "python3-1",
    "recipe": "python3",
    "machine_type": "cpu",
    "base_image": "registry.example/team/python:3",
}


@act("add algorithms.environment")
def add_environment(world: World) -> Form:
    return "algorithms/environment/add/", ENVIRONMENT


@act("change algorithms.environment")
def change_environment(world: World) -> Form:
    return _path(world.environment, "change"), {"display_name": "Other", "base_image": "a:1"}


@act("add algorithms.accountfeature")
def add_account_feature(world: World) -> Form:
    form = {"username": "demo", "enabled": "on"}
    return "algorithms/accountfeature/add/", form | {"name": FeatureName.ALGORITHM_ERRORS}


CATEGORY = {"title": "Vision", "tagline": "", "tag": "vision", "position": "0", "description": ""}


@act("add algorithms.category")
def add_category(world: World) -> Form:
    return "algorithms/category/add/", CATEGORY


def _category(world: World) -> Category:
    return create_category(given=CategoryFields("Text", "", "text", "", 0))


@act("change algorithms.category")
def change_category(world: World) -> Form:
    return _path(_category(world), "change"), CATEGORY


@act("delete algorithms.category")
def delete_category(world: World) -> Form:
    return _path(_category(world), "delete"), {"post": "yes"}


@act("delete_selected algorithms.category")
def delete_categories(world: World) -> Form:
    return _action(_category(world), "delete_selected")


@act("add notifications.notification")
def send_message(world: World) -> Form:
    message = {"recipients": "demo, weak", "text": "Soon it is Monday.", "link": ""}
    return "notifications/notification/add/", message
