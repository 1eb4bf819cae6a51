"""Password resets that an administrator sends."""

from allauth.account.forms import ResetPasswordForm
from django.db import transaction
from django.http import HttpRequest

from algoport.accounts.models import User
from algoport.audit.recording import act
from algoport.errors import InputValidationError


@transaction.atomic
def send_password_reset(request: HttpRequest, account: User) -> None:
    """Mail the account a link by which a new password is set."""
    with act("user.send_password_reset", account):
        form = ResetPasswordForm({"email": account.email})
        if not form.is_valid():
            raise InputValidationError(f"{account.email} is not an address for mail.")
        form.save(request)
