"""manage.py encrypt_again: after a change of ALGOPORT_ENCRYPTION_KEYS, before old keys go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from algorithms.webhooks.signing import encrypt_secrets_again
from dataportal.connectors.credentials import encrypt_credentials_again
from scm.services import encrypt_client_secrets_again


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of ALGOPORT_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        secrets, credentials = encrypt_secrets_again(), encrypt_credentials_again()
        clients = encrypt_client_secrets_again()
        self.stdout.write(f"signing secrets of webhooks: {secrets.done}")
        self.stdout.write(f"credentials of connectors: {credentials.done}")
        self.stdout.write(f"client secrets of repository hosts: {clients.done}")
        left = [f"webhook secret of {row.account}" for row in secrets.unreadable]
        left += [f"{row} of {row.owner}" for row in credentials.unreadable]
        left += [f"client secret of the repository host {row.pk}" for row in clients.unreadable]
        if left:
            raise CommandError(
                f"Not encrypted with any of the keys that there are, and left as they were:"
                f" {', '.join(left)}. Add their key to ALGOPORT_ENCRYPTION_KEYS and repeat this."
            )
