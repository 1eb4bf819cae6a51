"""manage.py encrypt_again: after a change of ALGOPORT_ENCRYPTION_KEYS, before old keys go."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from algoport.accounts.invite_codes import encrypt_codes_again
from algoport.accounts.providers import encrypt_secrets_again as encrypt_providers_again
from algoport.accounts.second_factors import encrypt_second_factors_again
from algoport.audit.recording import act
from algoport.encryption import Reencryption
from algorithms.remotes.selectors import encrypt_hook_secrets_again
from algorithms.secrets.delivery import encrypt_algorithm_secrets_again
from algorithms.webhooks.signing import encrypt_secrets_again
from dataportal.connectors.credentials import encrypt_credentials_again
from scm.connections import encrypt_tokens_again
from scm.revocations import encrypt_ended_tokens_again
from scm.services import encrypt_client_secrets_again

# What there is, how it is encrypted again, and how a row is called whose secret no key reads.
_KINDS: tuple[tuple[str, Callable[[], Reencryption], Callable[[Any], str]], ...] = (
    (
        "signing secrets of webhooks",
        encrypt_secrets_again,
        lambda row: f"webhook secret of {row.account}",
    ),
    (
        "credentials of connectors",
        encrypt_credentials_again,
        lambda row: f"{row} of {row.owner}",
    ),
    (
        "client secrets of repository hosts",
        encrypt_client_secrets_again,
        lambda row: f"client secret of the repository host {row.pk}",
    ),
    (
        "authorizations at repository hosts",
        encrypt_tokens_again,
        lambda row: f"authorization of {row.user}, {row}",
    ),
    (
        "ended tokens of repository hosts",
        encrypt_ended_tokens_again,
        lambda row: f"ended token at {row.scm_id}",
    ),
    (
        "webhook secrets of repositories at other hosts",
        encrypt_hook_secrets_again,
        lambda row: f"webhook secret of the repository {row}",
    ),
    (
        "secrets of sign-in providers",
        encrypt_providers_again,
        lambda row: f"sign-in provider {row}",
    ),
    ("second factors", encrypt_second_factors_again, lambda row: f"{row} of {row.user}"),
    ("invite codes", encrypt_codes_again, str),
    (
        "secrets of algorithms",
        encrypt_algorithm_secrets_again,
        lambda row: f"{row} of {row.algorithm}",
    ),
)


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of ALGOPORT_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        done: dict[str, int] = {}
        left: list[str] = []
        for what, encrypt_again, name in _KINDS:
            outcome = encrypt_again()
            done[what] = outcome.done
            left += map(name, outcome.unreadable)
            self.stdout.write(f"{what}: {outcome.done}")
        with transaction.atomic(), act("platform.encrypt_again") as recorded:
            recorded.note(rows=list(done.items()), unreadable=len(left))
        if left:
            raise CommandError(
                f"Not encrypted with any of the keys that there are, and left as they were:"
                f" {', '.join(left)}. Add their key to ALGOPORT_ENCRYPTION_KEYS and repeat this."
            )
