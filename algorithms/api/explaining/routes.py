"""Each operation below /v1 that Django answers, with what it asks of who requests it."""

from algoport.accounts.permissions import Action
from algoport.api.unbuilt import UNBUILT
from algorithms.api.explaining import guards as g
from algorithms.api.explaining.questions import Guard

_SEE, _MANAGE = g.algorithm(Action.SEE_ALGORITHM), g.algorithm(Action.MANAGE_ALGORITHM)
_BUILDS, _ERRORS = g.algorithm(Action.SEE_BUILDS), g.algorithm(Action.SEE_ALGORITHM_ERRORS)
_SECRETS = g.algorithm(Action.MANAGE_SECRETS)
_ORG, _MANAGE_ORG = g.organization(), g.organization(Action.MANAGE_ORGANIZATION)
_ADMIN, _ANY, _ALL = g.administrators, g.signed_in, g.everybody
_RULES = g.bucket(Action.READ_STORAGE_RULES)
_CHANGE_RULES = g.bucket(Action.WRITE_STORAGE_RULES)


def _of_algorithm(below: str, **methods: Guard) -> dict[str, dict[str, Guard]]:
    """By names and by id."""
    return {
        f"algorithms/<str:owner>/<str:name>{below}": methods,
        f"algorithms/<uuid:algorithm_id>{below}": methods,
    }


GUARDS: dict[str, dict[str, Guard]] = {
    "explain": {"get": _ALL},
    "algorithms/<str:owner>": {"post": g.algorithm_owner},
    **_of_algorithm("", get=_SEE, put=_MANAGE, delete=g.deletion),
    **_of_algorithm("/compile", post=_MANAGE),
    **_of_algorithm("/builds", get=_BUILDS),
    **_of_algorithm("/builds/<str:build_id>", get=_BUILDS),
    **_of_algorithm("/builds/<str:build_id>/logs", get=_BUILDS),
    **_of_algorithm("/versions", get=_SEE, post=_MANAGE),
    **_of_algorithm("/version", post=_MANAGE),
    **_of_algorithm("/versions/<str:number>/approve", post=g.approval),
    **_of_algorithm("/versions/<str:number>/refuse", post=g.approval),
    **_of_algorithm("/log", get=g.algorithm(Action.READ_SOURCE)),
    **_of_algorithm("/versions/<str:git_hash>", get=g.version),
    **_of_algorithm("/scm/status", get=_BUILDS),
    **_of_algorithm("/scm/webhook", post=g.webhook_of_algorithm),
    **_of_algorithm("/errors", get=_ERRORS),
    "users/<str:username>/algorithms": {"get": g.all_of(_ANY, g.account)},
    "organizations/<str:organization>/approvals": {"get": _MANAGE_ORG},
    "organizations/<str:organization>/utility-algorithms": {"get": _ORG},
    "admin/algorithms/<str:owner>/<str:name>": {"delete": g.all_of(_ADMIN, g.any_algorithm)},
    "users/<str:user_id>/notifications": {"get": g.notifications},
    "users/<str:user_id>/errors": {"get": g.account_errors},
    "organizations/<str:organization>/errors": {"get": g.organization_errors},
    "admin/features": {"get": _ADMIN},
    "admin/features/<str:name>": {"put": _ADMIN},
    "admin/reservations": {"get": _ADMIN, "post": _ADMIN},
    "admin/reservations/<str:reservation_id>": {"delete": _ADMIN},
    "requests": {"get": g.requests},
    "requests/<str:request_id>": {"get": g.request, "delete": g.request},
    "requests/<str:request_id>/redrive": {"post": g.request},
    "requests/<str:request_id>/webhook": {"get": g.request},
    "requests/<str:request_id>/webhook/redeliver": {"post": g.all_of(g.request, g.webhooks)},
    "webhooks/secret": {"get": g.webhooks, "post": g.webhooks},
    "algorithm-environments/edge/languages": {"get": _ANY},
    "algorithm-environments/edge/languages/<str:language>/environments": {"get": _ANY},
    "algorithm-environments/edge/environment-specifications/<str:specification_id>/template": {
        "get": _ALL
    },
    "users/<str:username>/data-accesses": {"get": g.accesses},
    "users/<str:username>/connectors": {"get": g.connectors, "post": g.connectors},
    "users/<str:username>/connectors/<str:connector_id>": {
        "get": g.connector,
        "patch": g.connector,
        "delete": g.connector,
    },
    "users/<str:username>/connectors/<str:connector_id>/test": {"post": g.connector},
    "users/<str:username>/connectors/<str:connector_id>/preview": {"get": g.connector},
    "users/<str:username>/connectors/<str:connector_id>/buckets": {
        "get": g.bucket(Action.LIST_CONNECTOR),
        "post": _CHANGE_RULES,
    },
    "users/<str:username>/connectors/<str:connector_id>/buckets/<str:bucket>/acl": {
        "get": _RULES,
        "put": _CHANGE_RULES,
    },
    "users/<str:username>/connectors/<str:connector_id>/buckets/<str:bucket>/cors": {
        "get": _RULES,
        "put": _CHANGE_RULES,
        "delete": _CHANGE_RULES,
    },
    "users/<str:username>/connectors/<str:connector_id>/buckets/<str:bucket>/objects/acl": {
        "get": _RULES,
        "put": _CHANGE_RULES,
    },
    "admin/scms": {"post": _ADMIN},
    "admin/scms/<str:scm_id>": {"patch": _ADMIN, "delete": _ADMIN},
    "admin/scms/<str:scm_id>/default": {"post": _ADMIN},
    "scms": {"get": g.scms},
    "scms/<str:scm_id>": {"get": g.scm},
    "scms/<str:scm_id>/oauth/start": {"get": g.scm_to_connect},
    "scms/<str:scm_id>/oauth/finish": {"get": g.scm_to_connect},
    "scms/<str:scm_id>/oauth/status": {"get": g.scm},
    "scms/<str:scm_id>/oauth/revoke": {"get": g.scm_connection, "post": g.scm_connection},
    "scms/<str:scm_id>/token/connect": {"post": g.scm_to_connect},
    "scms/<str:scm_id>/token/status": {"get": g.scm, "post": g.scm},
    "openapispec": {"get": _ALL},
    "organizations": {"get": _ADMIN, "post": _ADMIN},
    "organizations/externalId/<str:external_id>": {"get": g.external_organization},
    "organizations/<str:name>": {"get": _ORG, "put": _MANAGE_ORG, "delete": _MANAGE_ORG},
    "organizations/<str:name>/members": {"get": _ORG},
    "organizations/<str:name>/members/<str:username>": {"put": _MANAGE_ORG, "delete": _MANAGE_ORG},
    "organizations/<str:name>/members/<str:username>/keys": {
        "post": g.all_of(_ADMIN, g.organization_member)
    },
    "organizations/<str:name>/keys": {
        "get": g.organization_keys,
        "post": g.organization_keys,
    },
    "organizations/<str:name>/keys/<uuid:key_id>": {"delete": g.organization_key},
    "organization/types": {"get": _ANY, "post": _ADMIN},
    "organization/types/<str:name>": {"delete": _ADMIN},
    "users": {"get": _ADMIN, "post": _ADMIN},
    "users/<str:username>": {
        method: g.all_of(_ADMIN, g.user) for method in ("get", "put", "delete")
    },
    "users/<str:username>/keys": {"get": g.keys, "post": g.keys},
    "users/<str:username>/keys/<uuid:key_id>": {"delete": g.key},
    "users/<str:username>/sessions": {"get": g.sessions, "delete": g.sessions},
    "users/<str:username>/sessions/<uuid:session_id>": {"delete": g.sessions},
    "admin/audit": {"get": _ADMIN},
    "admin/invites": {"get": _ADMIN, "post": _ADMIN},
    "admin/invites/<str:code>": {"delete": _ADMIN},
    "organizations/<str:name>/invitations": {"get": _MANAGE_ORG, "post": _MANAGE_ORG},
    "organizations/<str:name>/invitations/<uuid:invitation_id>": {"delete": _MANAGE_ORG},
    "invitations": {"get": g.own_account(Action.ANSWER_INVITATIONS)},
    "invitations/<uuid:invitation_id>/accept": {"post": g.own_account(Action.ANSWER_INVITATIONS)},
    "invitations/<uuid:invitation_id>/decline": {"post": g.own_account(Action.ANSWER_INVITATIONS)},
    "admin/users/<str:username>/keys": {
        "get": g.all_of(_ADMIN, g.keys),
        "post": g.all_of(_ADMIN, g.keys),
    },
    "config/favicon": {"get": _ALL, "post": _ADMIN, "delete": _ADMIN},
    "config/logo": {"get": _ALL, "post": _ADMIN, "delete": _ADMIN},
    "config/frontend": {"get": _ANY},
    "config/frontend/<str:keyname>": {"get": _ANY, "put": _ADMIN, "delete": _ADMIN},
    **_of_algorithm("/secrets", get=_SECRETS, post=_SECRETS),
    **_of_algorithm("/secrets/<uuid:secret_id>", put=_SECRETS, delete=_SECRETS),
    "secret-provider": {"get": _ANY},
    "admin/secret-provider": {"get": _ADMIN, "post": _ADMIN},
    "admin/secret-provider/<str:provider_id>": dict.fromkeys(("get", "post", "delete"), _ADMIN),
    "admin/plugins/secret-provider/<str:provider_id>": {"get": _ADMIN, "post": _ADMIN},
    "admin/plugins/secret-provider/<str:provider_id>/default": {"post": _ADMIN},
    "admin/usage": {"get": _ADMIN},
    "admin/usage/users": {"get": _ADMIN},
    "admin/usage/algorithms": {"get": _ADMIN},
    "admin/legacy-algorithms": {"get": _ADMIN},
    "algorithm-environments/edge/environments/available": {"get": _ADMIN},
    "algorithm-environments/edge/environment-specifications/<str:specification_id>": {
        "delete": _ADMIN
    },
    "algorithm-environments/edge/environment-specifications/<str:specification_id>/syncs": {
        "post": _ADMIN
    },
}
for _methods, _route, _administered in UNBUILT:
    GUARDS.setdefault(_route, {}).update(
        dict.fromkeys(_methods.lower().split(), _ADMIN if _administered else _ANY)
    )
