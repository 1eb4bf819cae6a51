"""What news of sign-ins, second factors and providers means for accounts."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.signals import user_logged_in as arrived
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from algoport.accounts import sign_ins
from algoport.accounts.models import User
from algoport.accounts.sessions import note_session
from algoport.accounts.web.requests import address_of, agent_of, unwrapped
from algoport.http.clients import UNKNOWN


@receiver(user_logged_in)
def note_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    session_key = request.session.session_key
    if session_key is not None:
        note_session(
            session_key=session_key, user=user, address=address_of(request), agent=agent_of(request)
        )


@receiver(arrived)
def tell_of_sign_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Of one that is complete, with its second factor."""
    methods = [str(each["method"]) for each in get_authentication_records(request, user)]
    sign_ins.record_sign_in(
        user=unwrapped(user), methods=methods, address=address_of(request), agent=agent_of(request)
    )


@receiver(user_logged_out)
def tell_of_sign_out(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        sign_ins.record_sign_out(user=unwrapped(user))


@receiver(user_login_failed)
def tell_of_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    claimed = {name: str(credentials.get(name) or "") for name in ("username", "email")}
    sign_ins.record_failed_sign_in(
        user=sign_ins.find_claimed(**claimed), by="password", address=_address(request)
    )


@receiver(mfa.authentication_failed)
def tell_of_wrong_code(
    request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    sign_ins.record_failed_sign_in(
        user=unwrapped(user), by=str(authenticator.type), address=_address(request)
    )


@receiver(mfa.authenticator_added)
def tell_of_added_factor(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _tell_of_factor("add", user, authenticator)


@receiver(mfa.authenticator_removed)
def tell_of_removed_factor(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _tell_of_factor("remove", user, authenticator)


@receiver(mfa.authenticator_reset)
def tell_of_replaced_factor(user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _tell_of_factor("replace", user, authenticator)


@receiver(social_account_added)
def tell_of_added_provider(sociallogin: SocialLogin, **kwargs: Any) -> None:
    _tell_of_provider("add", sociallogin.account)


@receiver(social_account_removed)
def tell_of_removed_provider(socialaccount: SocialAccount, **kwargs: Any) -> None:
    _tell_of_provider("remove", socialaccount)


def _tell_of_factor(change: str, user: User, authenticator: Authenticator) -> None:
    kind = str(authenticator.type)
    sign_ins.record_second_factor(user=unwrapped(user), change=change, kind=kind)


def _tell_of_provider(change: str, account: SocialAccount) -> None:
    provider = str(account.provider)
    sign_ins.record_provider(user=unwrapped(account.user), change=change, provider=provider)


def _address(request: HttpRequest | None) -> str:
    """git asks without a request of Django's."""
    return address_of(request) if request is not None else UNKNOWN
