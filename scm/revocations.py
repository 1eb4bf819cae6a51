"""Tokens that nothing is done with any more: a worker takes them back at their hosts."""

import logging
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from algoport.encryption import NotDecryptable, Reencryption, decrypt, encrypt_rows_again
from scm.constants import (
    MOST_REVOCATIONS,
    REVOCATION_DAYS,
    REVOCATION_LONGEST_PAUSE_SECONDS,
    REVOCATION_PAUSE_SECONDS,
)
from scm.errors import HostUnreachable
from scm.hosts.known import host_of
from scm.models import EndedToken, ScmAuthorization
from scm.signals import tokens_ended

logger = logging.getLogger(__name__)


def end_tokens(row: ScmAuthorization) -> None:
    """Have the authorization's tokens taken back, in the transaction that parts with them.

    Both: some hosts take no token back that is past its time, while another renews it.
    """
    tokens = [token for token in (row.access_token, row.refresh_token) if token]
    EndedToken.objects.bulk_create(EndedToken(scm_id=row.scm_id, token=each) for each in tokens)
    transaction.on_commit(lambda: tokens_ended.send(EndedToken))


def take_back_ended_tokens() -> None:
    """Take back what is due, a bounded number at once; one host that fails holds up no other."""
    failed: set[str] = set()
    for _ in range(MOST_REVOCATIONS):
        row = _take(failed)
        if row is None:
            return
        if not _take_back(row):
            failed.add(row.scm_id)


def encrypt_ended_tokens_again() -> Reencryption:
    """Encrypt what is still to be taken back with the first encryption key."""
    return encrypt_rows_again(EndedToken.objects.all(), "token")


@transaction.atomic
def _take(failed: Collection[str]) -> EndedToken | None:
    """What is due first, which then is not for others until it is to be tried again."""
    now = timezone.now()
    rows = EndedToken.objects.select_for_update(skip_locked=True, of=("self",))
    rows = rows.select_related("scm").filter(due_at__lte=now).exclude(scm_id__in=failed)
    row = rows.order_by("due_at").first()
    if row is not None:
        pause = REVOCATION_PAUSE_SECONDS * 2 ** min(row.failures, 16)
        row.due_at = now + timedelta(seconds=min(pause, REVOCATION_LONGEST_PAUSE_SECONDS))
        row.failures += 1
        row.save(update_fields=["due_at", "failures"])
    return row


def _take_back(row: EndedToken) -> bool:
    """Whether the host has answered for it, or it cannot be asked at all."""
    try:
        token = decrypt(row.token)
    except NotDecryptable:
        logger.error("an ended token at %s cannot be read, and may live on there", row.scm)
        row.delete()
        return True
    try:
        if host_of(row.scm).revoke(token):
            row.delete()
            return True
        said = "It refuses to."
    except HostUnreachable as exc:
        said = exc.text
    if timezone.now() - row.created_at > timedelta(days=REVOCATION_DAYS):
        logger.error("an ended token lives on at %s, which was asked for days: %s", row.scm, said)
        row.delete()
    else:
        logger.warning("an ended token at %s is taken back later: %s", row.scm, said)
    return False
