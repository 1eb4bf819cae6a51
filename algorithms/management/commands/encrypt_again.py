"""manage.py encrypt_again: after a change of ALGOPORT_ENCRYPTION_KEYS, before old keys go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from algoport.encryption import NotDecryptable
from algorithms.webhooks.signing import encrypt_secrets_again


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of ALGOPORT_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = encrypt_secrets_again()
        except NotDecryptable as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"signing secrets of webhooks: {count}")
