"""Versions that members published for everybody: an owner approves or refuses each (adr/0020)."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algorithms.constants import ApprovalState
from algorithms.errors import NothingToApprove
from algorithms.models import Approval, Version

_ACTS = {ApprovalState.APPROVED: "approve", ApprovalState.REFUSED: "refuse"}
_SHOWN = ("version__algorithm__owner", "version__build", "version__published_by", "decided_by")


def approvals_of(owner: User, state: str) -> QuerySet[Approval]:
    """Those of an organization in one state, with what a list of them shows."""
    return Approval.objects.filter(owner=owner, state=state).select_related(*_SHOWN)


def approve_version(*, version: Version, decider: Principal) -> Approval:
    """Let everybody call it, everywhere within a second. Raises NothingToApprove."""
    return _decide(version, decider, ApprovalState.APPROVED)


def refuse_version(*, version: Version, decider: Principal) -> Approval:
    """Leave it private for good. Raises NothingToApprove."""
    return _decide(version, decider, ApprovalState.REFUSED)


@transaction.atomic
def _decide(version: Version, decider: Principal, state: ApprovalState) -> Approval:
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
        approval.save(update_fields=["state", "decided_by", "decided_at"])
    announce_change()
    return approval
