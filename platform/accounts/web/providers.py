"""Sign-in providers as allauth knows them."""

import logging
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.http import HttpRequest
from django.shortcuts import render
from urllib3.exceptions import HTTPError

from algoport.accounts.models import SignInProvider
from algoport.encryption import decrypt

logger = logging.getLogger(__name__)

_TIMEOUT = (3.0, 5.0)


class ProviderSession(requests.Session):
    """Asks a provider on behalf of a browser, which is told when there is no good answer."""

    def __init__(self, browser: HttpRequest) -> None:
        super().__init__()
        self._browser = browser

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Raises an ImmediateHttpResponse where the provider fails; no redirect is followed."""
        kwargs |= {"timeout": _TIMEOUT, "allow_redirects": False}
        try:
            answer = super().request(*args, **kwargs)
        except (requests.RequestException, HTTPError) as exc:
            raise self._failure(str(exc)) from exc
        if answer.status_code >= 500:
            raise self._failure(f"the answer's status is {answer.status_code}")
        return answer

    def _failure(self, reason: str) -> ImmediateHttpResponse:
        logger.error("a sign-in provider cannot be used: %s", reason)
        said = {"reason": "The site by which you sign in does not answer. Try again in a while."}
        return ImmediateHttpResponse(
            render(self._browser, "accounts/refused.html", said, status=503)
        )


def enabled_providers() -> list[SignInProvider]:
    return list(SignInProvider.objects.filter(is_enabled=True).order_by("name"))


def app_of(row: SignInProvider) -> SocialApp:
    """The provider, never stored: its secret is decrypted."""
    return SocialApp(
        provider=row.kind,
        provider_id=row.slug,
        name=row.name,
        client_id=row.client_id,
        secret=decrypt(row.secret) if row.secret else "",
        settings={"server_url": row.server_url.rstrip("/")} if row.server_url else {},
    )


def is_admitted(sociallogin: SocialLogin) -> bool:
    """Whether the site has said that whoever this provider knows may have an account."""
    app = sociallogin.provider.app
    rows = SignInProvider.objects.filter(is_enabled=True, slug=app.provider_id)
    return rows.filter(admits=True).exists()
