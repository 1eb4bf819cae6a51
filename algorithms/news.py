"""What people are told of algorithms, in the transaction of what it tells of (spec.md 2.10)."""

from uuid import UUID

from django.urls import reverse

from algoport.accounts.constants import AccountKind, OrganizationRole
from algoport.accounts.models import Membership, User
from algoport.audit.actors import current_actor
from algoport.notifications.constants import NotificationKind
from algoport.notifications.services import News, notify, notify_once
from algorithms.constants import ApprovalState
from algorithms.models import Algorithm, Approval, AsyncCall, Build, Version, WebhookDelivery


def tell_of_creation(algorithm: Algorithm) -> None:
    """The members of its organization, but for who has made it."""
    text = f"{algorithm} is there now."
    news = News(NotificationKind.ALGORITHM_CREATION, text, _page(algorithm), _context_of(algorithm))
    notify(accounts=_members_of(algorithm.owner) - {current_actor().id}, news=news)


def tell_of_release(version: Version) -> None:
    """The members of its organization, with the release notes, but for who has published it."""
    algorithm = version.algorithm
    text = f"{algorithm} {version} is published.\n\n{version.release_notes}".strip()
    context = _context_of(algorithm) | {"semantic_version": str(version)}
    news = News(NotificationKind.ALGORITHM_RELEASE, text, _page(algorithm, "versions"), context)
    notify(accounts=_members_of(algorithm.owner) - {version.published_by_id}, news=news)


def tell_of_held(approval: Approval) -> None:
    """The owners of its organization, who decide."""
    version = approval.version
    text = f"{version.published_by} asks to publish {version.algorithm} {version} for everybody."
    link = reverse("org-approvals", args=[approval.owner.username])
    news = News(NotificationKind.APPROVAL_ASKED, text, link)
    notify(accounts=_owners_of(approval.owner), news=news)


def tell_of_decision(approval: Approval, decider: str) -> None:
    """Who has published the version."""
    version = approval.version
    told = (
        "is approved: everybody may call it"
        if approval.state == ApprovalState.APPROVED
        else "is refused: it stays private"
    )
    text = f"{version.algorithm} {version} {told}, says {decider}."
    news = News(
        NotificationKind.APPROVAL_DECIDED,
        f"{text}\n\n{approval.comment}".strip(),
        _page(version.algorithm, "versions"),
    )
    notify(accounts=[version.published_by_id], news=news)


def tell_of_failure(build: Build, error: str) -> None:
    """The algorithm's owners, unless they have asked for the build; once while it is unread."""
    algorithm = build.algorithm
    where = [algorithm.owner.username, algorithm.name, build.pk]
    link = reverse("algorithm-builds-one", args=where)
    text = f"The build of {algorithm} at {build.commit_sha[:8]} has failed: {error}."
    news = News(NotificationKind.BUILD_FAILED, text, link, _context_of(algorithm))
    notify_once(accounts=_owners_of(algorithm.owner) - {build.requested_by}, news=news)


def tell_of_dead_call(call: AsyncCall, error: str) -> None:
    """Its caller, once for each algorithm while it is unread."""
    text = (
        f"The queued call req-{call.pk} was given up: {error} "
        f"Queue it again by POST /v1/requests/req-{call.pk}/redrive."
    )
    context = {"algorithm_id": str(call.algorithm_id)}
    news = News(NotificationKind.CALL_DEAD, text, context=context)
    notify_once(accounts=_owners_of_id(call.caller_id), news=news)


def tell_of_failed_webhook(delivery: WebhookDelivery, error: str) -> None:
    """The account whose call it tells of, once for each receiver while it is unread."""
    text = f"A webhook to {delivery.receiver} is not sent any more: {error}."
    context = {"receiver": delivery.receiver}
    news = News(NotificationKind.WEBHOOK_FAILED, text, context=context)
    notify_once(accounts=_owners_of_id(delivery.account_id), news=news)


def _page(algorithm: Algorithm, tab: str = "") -> str:
    name = f"algorithm-{tab}" if tab else "algorithm"
    return reverse(name, args=[algorithm.owner.username, algorithm.name])


def _context_of(algorithm: Algorithm) -> dict[str, str]:
    return {
        "algorithm_id": str(algorithm.pk),
        "username": algorithm.owner.username,
        "algoname": algorithm.name,
    }


def _members_of(account: User) -> set[UUID | None]:
    """Of an organization; a user's account has none."""
    if account.kind != AccountKind.ORGANIZATION:
        return set()
    return set(Membership.objects.filter(organization=account).values_list("user_id", flat=True))


def _owners_of(account: User) -> set[UUID | None]:
    """The user themselves, or who owns the organization."""
    if account.kind != AccountKind.ORGANIZATION:
        return {account.pk}
    return set(_owners_of_id(account.pk))


def _owners_of_id(account_id: UUID) -> list[UUID]:
    """As _owners_of; an id that is no organization's is a user's."""
    rows = Membership.objects.filter(organization=account_id, role=OrganizationRole.OWNER)
    return list(rows.values_list("user_id", flat=True)) or [account_id]
