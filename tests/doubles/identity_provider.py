"""An OpenID Connect provider: one user is signed in there, and agrees to everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.doubles.http import Handler, serving
from tests.factories.identity_provider import SigningKey

CLIENT_ID, CLIENT_SECRET = "algoport", "a secret of the client"


@dataclass
class IdentityProvider:
    """What it says, and what it was asked; `failing` has it answer 500 to everything."""

    port: int = 0
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey("first")])
    user: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "user-1",
            "preferred_username": "guest",
            "email": "guest@example.com",
            "email_verified": True,
            "name": "A guest",
        }
    )
    asked: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    failing: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks"

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": self.jwks_url,
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["client_id"] == CLIENT_ID and query["response_type"] == "code"
        code = f"code-{len(self.codes)}"
        self.codes[code] = query.get("nonce", "")
        answer = {"code": code, "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """None for a client or a code that is not good."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return None
        nonce = self.codes.pop(form.get("code", ""), None)
        if nonce is None:
            return None
        claims = self.user | {"iss": self.url, "aud": CLIENT_ID}
        claims |= {"nonce": nonce} if nonce else {}
        token = self.keys[0].token(**claims)
        return {"access_token": "access", "token_type": "Bearer", "id_token": token}


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()

    class Asked(Handler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if provider.failing:
                self.answer_json(500, {})
            elif parts.path == "/.well-known/openid-configuration":
                self.answer_json(200, provider.configuration())
            elif parts.path == "/jwks":
                self.answer_json(200, {"keys": [key.jwk() for key in provider.keys]})
            elif parts.path == "/userinfo":
                good = self.headers.get("Authorization") == "Bearer access"
                self.answer_json(200 if good else 401, provider.user if good else {})
            elif parts.path == "/authorize":
                self.answer_json(302, {}, Location=provider.authorize(query))
            else:
                self.answer_json(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
            made = provider.token(form) if self.path == "/token" else None
            self.answer_json(200 if made else 400, made or {"error": "invalid_grant"})

    with serving(Asked) as provider.port:
        yield provider
