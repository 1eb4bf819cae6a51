"""How Django finds the user of a name and a password."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser

from algoport.accounts.constants import AccountKind
from algoport.accounts.models import User


class PasswordBackend(AuthenticationBackend):
    """Users sign in by name or verified address; organizations never do."""

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        assert user is None or isinstance(user, User)
        is_person = user is not None and user.kind == AccountKind.USER
        return is_person and super().user_can_authenticate(user)

    def _authenticate_by_username(self, username: str, password: str) -> AbstractBaseUser | None:
        # By the unique index; allauth's own look-up reads all users.
        user: AbstractBaseUser | None = self._check_password(
            User.objects.named(username).first(), password
        )
        return user
