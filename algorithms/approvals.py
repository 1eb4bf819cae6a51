"""Versions that members published for everybody: an owner approves or refuses each (adr/0020)."""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.permissions import Action, Principal, require
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algorithms.constants import ApprovalState
from algorithms.errors import NothingToApprove, VersionDoesNotExist
from algorithms.models import Approval, Version
from algorithms.news import tell_of_decision
from algorithms.selectors import resource_of

_ACTS = {ApprovalState.APPROVED: "approve", ApprovalState.REFUSED: "refuse"}
_SHOWN = ("version__algorithm__owner", "version__build", "version__published_by", "decided_by")


def approvals_of(owner: User, state: str) -> QuerySet[Approval]:
    """Those of an organization in one state, with what a list of them shows."""
    return Approval.objects.filter(owner=owner, state=state).select_related(*_SHOWN)


def get_approval_for(
    principal: Principal, owner: User, approval_id: UUID, action: Action
) -> Approval:
    """The organization's approval, if `principal` may do `action` to its algorithm.

    Raises VersionDoesNotExist, NotAuthorized.
    """
    rows = Approval.objects.filter(owner=owner).select_related(*_SHOWN)
    approval = rows.filter(pk=approval_id).first()
    if approval is None:
        raise VersionDoesNotExist
    require(principal, action, resource_of(approval.version.algorithm, public=True))
    return approval


def approve_version(*, version: Version, decider: Principal, comment: str = "") -> Approval:
    """Let everybody call it, everywhere within a second. Raises NothingToApprove."""
    return _decide(version, decider, ApprovalState.APPROVED, comment)


def refuse_version(*, version: Version, decider: Principal, comment: str = "") -> Approval:
    """Leave it private for good. Raises NothingToApprove."""
    return _decide(version, decider, ApprovalState.REFUSED, comment)


@transaction.atomic
def _decide(version: Version, decider: Principal, state: ApprovalState, comment: str) -> Approval:
    rows = Approval.objects.select_for_update(of=("self",)).select_related(*_SHOWN)
    approval = rows.filter(version=version).first()
    if approval is None:
        raise NothingToApprove(version=version, state="not held: it never needed an approval")
    if approval.state != ApprovalState.HELD:
        raise NothingToApprove(version=version, state=f"{approval.state} already")
    with act(f"version.{_ACTS[state]}", approval):
        approval.state = state
        approval.decided_by_id = decider.user_id
        approval.decided_at = timezone.now()
        approval.comment = comment
        approval.save(update_fields=["state", "decided_by", "decided_at", "comment"])
        tell_of_decision(approval, decider.username)
    announce_change()
    return approval
