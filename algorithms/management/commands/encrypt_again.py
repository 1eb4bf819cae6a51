"""manage.py encrypt_again: after a change of ALGOPORT_ENCRYPTION_KEYS, before old keys go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from algoport.accounts.invite_codes import encrypt_codes_again
from algoport.accounts.providers import encrypt_secrets_again as encrypt_providers_again
from algoport.accounts.second_factors import encrypt_second_factors_again
from algorithms.secrets.delivery import encrypt_algorithm_secrets_again
from algorithms.webhooks.signing import encrypt_secrets_again
from dataportal.connectors.credentials import encrypt_credentials_again
from scm.services import encrypt_client_secrets_again


class Command(BaseCommand):
    help = "Encrypt all stored secrets with the first of ALGOPORT_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        secrets, credentials = encrypt_secrets_again(), encrypt_credentials_again()
        clients, own = encrypt_client_secrets_again(), encrypt_algorithm_secrets_again()
        self.stdout.write(f"signing secrets of webhooks: {secrets.done}")
        self.stdout.write(f"credentials of connectors: {credentials.done}")
        self.stdout.write(f"client secrets of repository hosts: {clients.done}")
        providers, factors = encrypt_providers_again(), encrypt_second_factors_again()
        codes = encrypt_codes_again()
        self.stdout.write(f"secrets of sign-in providers: {providers.done}")
        self.stdout.write(f"second factors: {factors.done}")
        self.stdout.write(f"invite codes: {codes.done}")
        left = [f"webhook secret of {row.account}" for row in secrets.unreadable]
        left += [f"{row} of {row.owner}" for row in credentials.unreadable]
        left += [f"client secret of the repository host {row.pk}" for row in clients.unreadable]
        left += [f"sign-in provider {row}" for row in providers.unreadable]
        left += [f"{row} of {row.user}" for row in factors.unreadable]
        left += [str(row) for row in codes.unreadable]
        own = encrypt_algorithm_secrets_again()
        self.stdout.write(f"secrets of algorithms: {own.done}")
        left = [f"webhook secret of {row.account}" for row in secrets.unreadable]
        left += [f"{row} of {row.owner}" for row in credentials.unreadable]
        left += [f"client secret of the repository host {row.pk}" for row in clients.unreadable]
        left += [f"{row} of {row.algorithm}" for row in own.unreadable]
        if left:
            raise CommandError(
                f"Not encrypted with any of the keys that there are, and left as they were:"
                f" {', '.join(left)}. Add their key to ALGOPORT_ENCRYPTION_KEYS and repeat this."
            )
