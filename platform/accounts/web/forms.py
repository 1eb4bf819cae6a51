"""Forms of the pages on which people sign in and up, where allauth's are not enough."""

from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm

from algoport.accounts.constants import AccountKind
from algoport.accounts.models import User
from algoport.accounts.selectors import is_address_taken


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "User name or address"


class SignUpForm(SignupForm):
    field_order = ("username", "email", "fullname", "password1", "password2", "invite_code")

    def validate_unique_email(self, value: str) -> str:
        """Whether the address is taken is told to its mailbox, not to the browser."""
        self.account_already_exists = is_address_taken(value)
        return value


class ResetPasswordForm(AllauthResetPasswordForm):
    """Asks for a link by mail; organizations have addresses too, and no password."""

    users: list[User]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [user for user in self.users if user.kind == AccountKind.USER]
        return email
