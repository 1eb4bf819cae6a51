"""Sites by which users may sign in: administrators say which."""

from django.db import transaction
from django.db.models import QuerySet

from algoport.accounts.constants import ProviderKind
from algoport.accounts.models import SignInProvider
from algoport.audit.recording import act
from algoport.encryption import Reencryption, encrypt, encrypt_rows_again
from algoport.errors import InputValidationError


def check_provider(provider: SignInProvider) -> None:
    """Raise an InputValidationError for one that could not work."""
    if provider.kind == ProviderKind.OPENID_CONNECT and not provider.server_url:
        raise InputValidationError("server_url: OpenID Connect needs the issuer's address.")


@transaction.atomic
def save_provider(*, provider: SignInProvider, secret: str) -> None:
    """Keep a new provider, or what was changed of one; without a secret it keeps its own."""
    check_provider(provider)
    is_new = provider._state.adding
    if secret:
        provider.secret = encrypt(secret)
    if is_new:
        with act("sign_in_provider.create") as done:
            provider.save(force_insert=True)
            done.target = provider
        return
    with act("sign_in_provider.update", SignInProvider.objects.get(pk=provider.pk)) as done:
        provider.save()
        done.target = provider


@transaction.atomic
def delete_provider(*, provider: SignInProvider) -> None:
    """Let nobody sign in by it any more; accounts that it has brought stay."""
    with act("sign_in_provider.delete", provider) as done:
        provider.delete()
        done.removed()


def encrypt_secrets_again() -> Reencryption:
    rows: QuerySet[SignInProvider] = SignInProvider.objects.all()
    return encrypt_rows_again(rows, "secret")
