"""Having another address than before."""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from algoport.accounts.errors import EmailAddressHasBeenTaken
from algoport.accounts.models import User
from algoport.accounts.selectors import is_address_taken
from algoport.accounts.services import check_email
from algoport.audit.recording import act


@transaction.atomic
def change_address(*, user: User, email: str) -> str:
    """Let an address that the user has proved be the account's; the one before.

    The one before is the account's no more. Raises EmailAddressHasBeenTaken, also for what was the
    address of an account that was deleted.
    """
    check_email(email)
    locked = User.objects.select_for_update().get(pk=user.pk)
    if is_address_taken(email):
        raise EmailAddressHasBeenTaken
    former = locked.email
    with act("user.change_address", locked):
        locked.email = email
        try:
            with transaction.atomic():
                locked.save(update_fields=["email"])
        except IntegrityError as exc:
            raise EmailAddressHasBeenTaken from exc
        EmailAddress.objects.filter(user=locked).delete()
        EmailAddress.objects.create(user=locked, email=email.lower(), verified=True, primary=True)
    user.email = email
    return former
