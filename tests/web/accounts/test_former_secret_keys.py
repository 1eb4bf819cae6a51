"""What was made under a former secret key is good while that is still taken, and not longer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from algoport.accounts.errors import InvalidInviteCode, KeyAlreadyExists
from algoport.accounts.invite_codes import check_code, create_code, use_code
from algoport.accounts.models import ApiKey, SignedInSession, User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.audit.models import AuditEntry
from algoport.encryption import NotDecryptable, decrypt, encrypt
from algoport.http.signing import SignatureRefused, Signer, Verifier
from algoport.settings import env
from tests.audit_trail import verify

pytestmark = pytest.mark.django_db

NEW = "the new secret key of this platform, long enough for it"
PAGE = "/user/profile"


@pytest.fixture
def rotate(settings: Any) -> Callable[[], None]:
    """Another secret key from now on; the former one is taken until `end` is called."""

    def begin() -> None:
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], NEW

    return begin


@pytest.fixture
def end(settings: Any) -> Callable[[], None]:
    def finish() -> None:
        settings.SECRET_KEY_FALLBACKS = []

    return finish


def browser_of(user: User) -> Client:
    made = Client()
    made.force_login(user)
    return made


def is_in(browser: Client) -> bool:
    return browser.get(PAGE).status_code == 200


def test_sessions_go_on_and_those_in_use_move_to_the_new_key(
    demo: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    used, unused = browser_of(demo), browser_of(demo)
    assert is_in(used) and is_in(unused)
    before = used.session.session_key
    rotate()
    assert is_in(used) and is_in(used)
    # Under another key, and known as a place where the user is signed in.
    assert used.session.session_key != before
    assert SignedInSession.objects.filter(session_id=used.session.session_key).exists()
    end()
    assert is_in(used) and not is_in(unused)


def test_signing_out_everywhere_ends_sessions_of_former_keys_too(
    demo: User, rotate: Callable[[], None]
) -> None:
    browser = browser_of(demo)
    rotate()
    # One that is not known to have been used, whose row is still there.
    User.objects.filter(pk=demo.pk).update(session_epoch=1)
    assert not is_in(browser)


def test_an_impersonation_goes_on(
    portal: Client, demo: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    portal.post(reverse("admin:accounts_user_act", args=[demo.pk, "impersonate"]))
    rotate()
    assert "You are <strong>demo</strong>" in portal.get("/").content.decode()
    end()
    # The administrator's part of it was not made anew.
    assert "You are" not in portal.get("/").content.decode()


def test_links_in_mails_are_good(
    client: Client, demo: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    client.post("/signin/reset", {"email": demo.email})
    (link,) = [word for word in str(mail.outbox[-1].body).split() if "/signin/reset/" in word]
    path = "/" + link.split("/", 3)[3]
    rotate()
    assert Client().get(path).status_code == 302
    end()
    assert Client().get(path).status_code == 200


def test_keys_are_known_by_the_new_secret_once_they_were_used(
    demo: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    used, unused = (create_key(owner=demo, label=name, scopes=EVERYTHING) for name in "ab")

    def status(secret: str) -> int:
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Simple {secret}")
        return api.get("/v1/algorithm-environments/edge/languages").status_code

    entries = AuditEntry.objects.count()
    digests = set(ApiKey.objects.values_list("digest", flat=True))
    rotate()
    assert [status(used.secret), status(used.secret), status(used.secret + "x")] == [200, 200, 401]
    assert len(digests & set(ApiKey.objects.values_list("digest", flat=True))) == len(digests) - 1
    with pytest.raises(KeyAlreadyExists):
        create_key(owner=demo, label="c", scopes=EVERYTHING, secret=unused.secret)
    assert AuditEntry.objects.count() == entries
    end()
    assert [status(used.secret), status(unused.secret)] == [200, 401]


def test_invite_codes_move_with_what_is_encrypted(
    administrator: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    create_code(code="come-in", creator=administrator)
    sealed = encrypt("a secret")
    rotate()
    use_code("come-in")
    assert decrypt(sealed) == "a secret"
    call_command("encrypt_again", verbosity=0)
    end()
    check_code("come-in")
    with pytest.raises(NotDecryptable):
        decrypt(sealed)


def test_an_invite_code_of_a_key_that_is_gone_is_none(
    administrator: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    create_code(code="come-in", creator=administrator)
    rotate()
    end()
    with pytest.raises(InvalidInviteCode):
        check_code("come-in")


def test_the_trail_is_verified_by_both(
    demo: User, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    create_key(owner=demo, label="before", scopes=EVERYTHING)
    rotate()
    create_key(owner=demo, label="after", scopes=EVERYTHING)
    assert verify() == []
    end()
    assert any("that is not known" in line for line in verify())


def test_hosts_that_are_changed_one_after_the_other_understand_each_other(
    settings: Any, rotate: Callable[[], None], end: Callable[[], None]
) -> None:
    settings.SECRET_KEY_FALLBACKS = [NEW]
    old = Signer("test"), Verifier("test")
    rotate()
    new = Signer("test"), Verifier("test")
    for (signer, _), (_, verifier) in ((old, new), (new, old)):
        headers = signer.headers("POST", "/x", b"body")
        verifier.verify("POST", "/x", headers)
        mac = verifier.of_answer(headers, b"answer")
        assert signer.is_of_answer(mac, headers, b"answer")
        assert not signer.is_of_answer(mac, headers, b"another")
    end()
    with pytest.raises(SignatureRefused):
        Verifier("test").verify("POST", "/x", old[0].headers("POST", "/x", b"body"))


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = "1" * 50, "2" * 60
    assert env.secret_key_fallbacks() == []
    monkeypatch.setenv("ALGOPORT_SECRET_KEY_FALLBACKS", f" {one},{two},")
    assert env.secret_key_fallbacks() == [one, two]
    monkeypatch.setenv("ALGOPORT_SECRET_KEY_FALLBACKS", f"{one},hunter2")
    with pytest.raises(ImproperlyConfigured) as caught:
        env.secret_key_fallbacks()
    assert "hunter2" not in str(caught.value) and one not in str(caught.value)
