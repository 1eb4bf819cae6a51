"""Secrets that are kept encrypted."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from algoport.encryption import NotDecryptable, decrypt, encrypt, encrypt_again
from algoport.settings import env

ONE, TWO = "1" * 32, "2" * 32


def test_there_and_back() -> None:
    token = encrypt("a secret")
    assert "a secret" not in token and decrypt(token) == "a secret"
    assert encrypt("a secret") != token
    with pytest.raises(NotDecryptable):
        decrypt(token[:-6] + "AAAA==")


def test_keys_come_and_go(settings: Any) -> None:
    first = encrypt("a secret")
    settings.ENCRYPTION_KEYS = (ONE,)
    assert decrypt(first) == "a secret"
    second = encrypt_again(first)
    settings.ENCRYPTION_KEYS = (TWO, ONE)
    assert decrypt(second) == "a secret"
    third = encrypt_again(second)
    settings.ENCRYPTION_KEYS = (TWO,)
    assert decrypt(third) == "a secret"
    with pytest.raises(NotDecryptable, match="ALGOPORT_ENCRYPTION_KEYS"):
        decrypt(second)
    with pytest.raises(NotDecryptable):
        encrypt_again(second)


def test_the_secret_key_of_another_platform_reads_nothing(settings: Any) -> None:
    token = encrypt("a secret")
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(NotDecryptable):
        decrypt(token)


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGOPORT_ENCRYPTION_KEYS", f" {TWO},{ONE},")
    assert env.encryption_keys() == (TWO, ONE)
    monkeypatch.setenv("ALGOPORT_ENCRYPTION_KEYS", f"{TWO},hunter2")
    with pytest.raises(ImproperlyConfigured) as caught:
        env.encryption_keys()
    assert "hunter2" not in str(caught.value) and TWO not in str(caught.value)
