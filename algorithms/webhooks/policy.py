"""Where webhooks may go."""

from django.conf import settings

from algoport.accounts.permissions import AccountResource, Action, Principal, can
from algoport.errors import NotAuthorized
from algoport.http.addresses import AddressNotAllowed, OutgoingPolicy, parse_destination
from algorithms.errors import WebhookNotAllowed, WebhooksNotForCode


def webhook_policy() -> OutgoingPolicy:
    return OutgoingPolicy(settings.WEBHOOK_HOSTS)


def check_manages_webhooks(principal: Principal) -> None:
    """Raises NotAuthorized."""
    assert principal.user_id is not None
    if can(principal, Action.MANAGE_WEBHOOKS, AccountResource(principal.user_id)):
        return
    raise NotAuthorized if principal.run is None else WebhooksNotForCode


def check_webhook(principal: Principal, url: str) -> None:
    """Raises NotAuthorized, and WebhookNotAllowed for a URL that could never be delivered to."""
    check_manages_webhooks(principal)
    try:
        webhook_policy().check_host(parse_destination(url))
    except AddressNotAllowed as exc:
        raise WebhookNotAllowed(reason=exc) from exc
