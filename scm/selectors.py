"""Reads of repository hosts: administrators know all of them, others those in use."""

from django.db.models import Q, QuerySet

from algoport.accounts.permissions import Action, Principal, can, require
from algoport.errors import FeatureNotImplemented
from scm.constants import ID_PATTERN
from scm.errors import NotOnInternalScm, ScmConfigurationNotFound, ScmDisabled, WebhooksNotSupported
from scm.models import ScmAuthorization, ScmConfiguration


def list_scms_for(principal: Principal) -> QuerySet[ScmConfiguration]:
    """The hosts that `principal` may see, the internal one first."""
    require(principal, Action.READ_REFERENCE)
    rows = ScmConfiguration.objects.order_by("created_at", "id")
    return rows if can(principal, Action.ADMINISTER) else rows.filter(enabled=True)


def get_scm_for(principal: Principal, scm_id: str) -> ScmConfiguration:
    """Raises ScmConfigurationNotFound."""
    return _find(list_scms_for(principal), scm_id)


def get_scm_to_connect_for(principal: Principal, scm_id: str) -> ScmConfiguration:
    """A host at which `principal` may authorize the platform. Raises ScmConfigurationNotFound."""
    found = get_scm_for(principal, scm_id)
    require(principal, Action.CONNECT_SCM)
    return found


def list_connections_for(principal: Principal) -> QuerySet[ScmConfiguration]:
    """The hosts in use, and others at which `principal` has authorized the platform."""
    require(principal, Action.READ_REFERENCE)
    mine = ScmAuthorization.objects.filter(user_id=principal.user_id).values("scm_id")
    rows = ScmConfiguration.objects.filter(Q(enabled=True) | Q(pk__in=mine))
    return rows.order_by("created_at", "id")


def get_connection_for(principal: Principal, scm_id: str) -> ScmConfiguration:
    """A host at which an authorization can be taken back. Raises ScmConfigurationNotFound."""
    found = _find(list_connections_for(principal), scm_id)
    require(principal, Action.CONNECT_SCM)
    return found


def get_scm(scm_id: str) -> ScmConfiguration:
    """Any host. Raises ScmConfigurationNotFound."""
    return _find(ScmConfiguration.objects.all(), scm_id)


def get_scm_for_creation(scm_id: str | None) -> ScmConfiguration:
    """The host that a new repository is to be on: the default one, if none is named.

    Raises ScmConfigurationNotFound, ScmDisabled, and FeatureNotImplemented for hosts that nobody
    connects to.
    """
    default = ScmConfiguration.objects.filter(is_default=True)
    found = get_scm(scm_id) if scm_id else default.get()
    if not found.enabled:
        raise ScmDisabled
    if not found.is_internal and not found.is_connectable:
        raise FeatureNotImplemented(
            f"Algorithms with repositories on SCMs of this kind ({found.id}) are not available "
            "yet. Ask for source.scm internal."
        )
    return found


def check_internal(scm: ScmConfiguration) -> None:
    """Raises NotOnInternalScm."""
    if not scm.is_internal:
        raise NotOnInternalScm


def check_external(scm: ScmConfiguration) -> None:
    """Raises WebhooksNotSupported where there is no other host to hear of."""
    if scm.is_internal:
        raise WebhooksNotSupported


def _find(rows: QuerySet[ScmConfiguration], scm_id: str) -> ScmConfiguration:
    found = rows.filter(pk=scm_id).first() if ID_PATTERN.match(scm_id) else None
    if found is None:
        raise ScmConfigurationNotFound
    return found
