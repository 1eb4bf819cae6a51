"""`manage.py check --deploy`: what it says of platforms that nobody should rely on."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client

from tests.acceptance.platform import ROOT

KEY = "q1vXw8zJ4yTn0RkB7cHs5LmE2aGdUfPo-9iV6_xNrWtYbKjZ"
# With its address, as production has it; the values of the test run for all else.
GOOD = {
    "ALGOPORT_URL": "https://algoport.internal",
    "ALGOPORT_SECRET_KEY": KEY + KEY[:20],
    "ALGOPORT_ENCRYPTION_KEYS": KEY[::-1],
    "ALGOPORT_TRUSTED_PROXIES": "1",
    "DATABASE_URL": "postgresql://algoport:hidden@database.internal/algoport",
    "REDIS_URL": "redis://:hidden@valkey.internal:6379/0",
}


def check(**variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "ALGOPORT_DATA")}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings about which nothing is said."""
    settings.ALGOPORT_URL = "https://algoport.internal"
    settings.SECRET_KEY = KEY + KEY[:20]
    settings.ENCRYPTION_KEYS = (KEY[::-1],)
    settings.TRUSTED_PROXIES = 1
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600
    return settings


def said() -> set[str]:
    return {message.id for message in run_checks(include_deployment_checks=True)} - {
        "auth.E003",
        "auth.W004",
        "security.W005",
        "security.W021",
    }


def test_production_is_fine_and_shows_no_secret() -> None:
    done = check(**GOOD)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_a_platform_of_defaults_is_not_for_production(tmp_path: Path) -> None:
    done = check(ALGOPORT_DATA=str(tmp_path))
    assert done.returncode != 0
    for each in ("E002", "W001", "W003", "W004"):
        assert f"algoport.{each}" in done.stderr, done.stderr
    assert done.stderr.count("algoport.W003") == 2
    assert (tmp_path / "secret-key").read_text() not in done.stderr


def test_nothing_is_said_about_good_settings(production: Any) -> None:
    assert said() == set()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, {"security.W018"}),
        ("SECRET_KEY", "x" * 60, {"security.W009", "algoport.E001"}),
        ("SECRET_KEY", "abcdefghij" * 6, {"algoport.E001"}),
        ("SECRET_KEY", "change-me-" + KEY, {"algoport.E001"}),
        ("SECRET_KEY_FALLBACKS", [KEY + KEY[:20]], set()),
        ("SECRET_KEY_FALLBACKS", [KEY * 2, "x" * 60], {"security.W025", "algoport.E006"}),
        ("ENCRYPTION_KEYS", (), {"algoport.E002"}),
        ("ENCRYPTION_KEYS", (KEY, "11112222333344445555666677771234"), {"algoport.E003"}),
        ("ENCRYPTION_KEYS", (KEY + KEY[:20],), {"algoport.E004"}),
        ("ALGOPORT_URL", "http://algoport.internal", {"algoport.W001"}),
        ("TRUSTED_PROXIES", 0, {"algoport.W002"}),
        ("REDIS_URL", "embedded", {"algoport.W003"}),
    ],
)
def test_what_is_wrong_is_said(production: Any, name: str, value: Any, expected: set[str]) -> None:
    if value == "embedded":
        value = f"unix://{production.SOCKET_FOLDER / 'valkey.sock'}"
    setattr(production, name, value)
    assert said() == expected


def test_an_engine_that_does_not_answer_is_missed(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    production.RUNTIME = "sandbox"
    assert said() == set()
    production.RUNTIME = "docker"
    assert said() == {"algoport.E005"}


def test_a_weak_key_ends_the_command_and_is_not_shown(production: Any) -> None:
    production.ENCRYPTION_KEYS = ("replace-me-" * 4,)
    with pytest.raises(SystemCheckError) as refused:
        call_command("check", deploy=True)
    assert "algoport.E003" in str(refused.value) and "replace-me" not in str(refused.value)


@pytest.mark.django_db
def test_pages_are_reached_by_tls_only(production: Any) -> None:
    production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    production.SECURE_SSL_HOST = "algoport.internal"
    plain = Client().get("/signin")
    assert (plain.status_code, plain["Location"]) == (301, "https://algoport.internal/signin")
    secure = Client(headers={"X-Forwarded-Proto": "https"}).get("/signin")
    assert secure["Strict-Transport-Security"] == "max-age=3600"
    # Probes and algorithms are inside, where there is no proxy.
    for path in ("/healthz", "/v1/algorithms"):
        assert Client().get(path).status_code != 301
