"""What requests below /v1 have to pass, put together from the selectors that they use."""

from uuid import UUID

from algoport.accounts.models import User
from algoport.accounts.permissions import AccountResource, Action, require
from algoport.accounts.selectors import get_account, get_account_for, get_key_of, get_user
from algoport.notifications.selectors import get_reader_for
from algorithms.api.explaining.questions import Guard, Question
from algorithms.errors import PublicVersionsExist
from algorithms.metering.error_log import errors_of_account, errors_of_organization
from algorithms.models import Algorithm
from algorithms.queueing.services import get_request, requests_of
from algorithms.selectors import (
    get_algorithm,
    get_algorithm_by_id_for,
    get_algorithm_for,
    get_owner_for,
    get_published_version,
    get_version,
)
from algorithms.webhooks.policy import check_manages_webhooks
from dataportal.auditing.selectors import AccessFilter, find_accesses_for
from dataportal.connectors.selectors import (
    find_connector_for,
    get_managed_account,
    resource_of,
    use_connector_for,
)
from orgs.selectors import (
    get_member,
    get_organization_by_external_id_for,
    get_organization_for,
)
from scm.selectors import get_connection_for, get_scm_for, get_scm_to_connect_for, list_scms_for


def everybody(question: Question) -> None:
    """Also who has not signed in."""


def signed_in(question: Question) -> None:
    require(question.principal, Action.READ_REFERENCE)


def administrators(question: Question) -> None:
    require(question.principal, Action.ADMINISTER)


def all_of(*guards: Guard) -> Guard:
    """One after the other."""

    def ask(question: Question) -> None:
        for guard in guards:
            guard(question)

    return ask


def algorithm(action: Action) -> Guard:
    return lambda question: find_algorithm(question, action)


def find_algorithm(question: Question, action: Action) -> Algorithm:
    parts = question.parts
    if "algorithm_id" in parts:
        return get_algorithm_by_id_for(question.principal, UUID(str(parts["algorithm_id"])), action)
    return get_algorithm_for(question.principal, parts["owner"], parts["name"], action)


def version(question: Question) -> None:
    found = find_algorithm(question, Action.SEE_ALGORITHM)
    get_version(question.principal, found, question.parts["git_hash"])


def algorithm_owner(question: Question) -> None:
    get_owner_for(question.principal, question.parts["owner"])


def deletion(question: Question) -> None:
    if find_algorithm(question, Action.MANAGE_ALGORITHM).has_public_version:
        raise PublicVersionsExist


def any_algorithm(question: Question) -> None:
    get_algorithm(question.parts["owner"], question.parts["name"])


def approval(question: Question) -> None:
    found = find_algorithm(question, Action.PUBLISH_PUBLICLY)
    get_published_version(found, question.parts["number"])


def account(question: Question) -> None:
    get_account(question.parts["username"])


def webhook_of_algorithm(question: Question) -> None:
    """Who brings no key is told the same of every name."""
    if question.principal.user_id is not None:
        find_algorithm(question, Action.SEE_ALGORITHM)


def scms(question: Question) -> None:
    list_scms_for(question.principal)


def scm(question: Question) -> None:
    get_scm_for(question.principal, question.parts["scm_id"])


def scm_to_connect(question: Question) -> None:
    get_scm_to_connect_for(question.principal, question.parts["scm_id"])


def scm_connection(question: Question) -> None:
    get_connection_for(question.principal, question.parts["scm_id"])


def account_errors(question: Question) -> None:
    errors_of_account(question.principal, question.parts["user_id"])


def notifications(question: Question) -> None:
    get_reader_for(question.principal, question.parts["user_id"])


def organization(action: Action = Action.SEE_ORGANIZATION) -> Guard:
    return lambda question: get_organization_for(
        question.principal, _organization_of(question), action
    )


def _organization_of(question: Question) -> str:
    return question.parts.get("name") or question.parts["organization"]


def external_organization(question: Question) -> None:
    get_organization_by_external_id_for(question.principal, question.parts["external_id"])


def organization_member(question: Question) -> None:
    found = get_organization_for(question.principal, question.parts["name"])
    get_member(found, question.parts["username"])


def organization_keys(question: Question) -> User:
    name = question.parts["name"]
    action = Action.MANAGE_ORGANIZATION_KEYS
    found: User = get_organization_for(question.principal, name, action).account
    return found


def organization_key(question: Question) -> None:
    get_key_of(organization_keys(question), UUID(str(question.parts["key_id"])))


def organization_errors(question: Question) -> None:
    found = get_organization_for(question.principal, question.parts["organization"])
    errors_of_organization(question.principal, found.account_id)


def user(question: Question) -> None:
    get_user(question.parts["username"])


def connectors(question: Question) -> None:
    get_managed_account(question.principal, question.parts["username"])


def connector(question: Question) -> None:
    parts = question.parts
    find_connector_for(question.principal, parts["username"], parts["connector_id"])


def bucket(action: Action) -> Guard:
    """What the connector's bucket, or with `key` an object in it, may be used for."""

    def ask(question: Question) -> None:
        parts = question.parts
        found = use_connector_for(question.principal, parts["username"], parts["connector_id"])
        name = parts.get("bucket") or question.options.get("name")
        place = f"{name}/{question.options.get('key', '')}" if name else ""
        require(question.principal, action, resource_of(found, place))

    return ask


def accesses(question: Question) -> None:
    find_accesses_for(question.principal, question.parts["username"], AccessFilter())


def requests(question: Question) -> None:
    requests_of(question.principal)


def request(question: Question) -> None:
    get_request(question.principal, question.parts["request_id"])


def webhooks(question: Question) -> None:
    check_manages_webhooks(question.principal)


def keys(question: Question) -> User:
    return get_account_for(question.principal, question.parts["username"], Action.MANAGE_KEYS)


def key(question: Question) -> None:
    get_key_of(keys(question), UUID(str(question.parts["key_id"])))


def sessions(question: Question) -> None:
    get_account_for(question.principal, question.parts["username"], Action.MANAGE_SESSIONS)


def own_account(action: Action) -> Guard:
    def ask(question: Question) -> None:
        assert question.principal.user_id is not None
        require(question.principal, action, AccountResource(question.principal.user_id))

    return ask


# Those that who has not signed in may pass.
OPEN: frozenset[Guard] = frozenset({everybody, webhook_of_algorithm})
