"""The production stack as it is written: compose.yaml, its image and its proxy agree with us."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import load_command_class

from algoport.db.threads import most_connections

ROOT = Path(settings.ROOT)
COMPOSE = (ROOT / "compose.yaml").read_text()
STACK: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
OURS = sorted(name for name in SERVICES if SERVICES[name]["image"].startswith("${ALGOPORT_IMAGE"))
NGINX = (ROOT / "deploy/nginx.conf").read_text()
# NAME=value lines, without the comments.
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / "deploy/example.env").read_text().splitlines()
    if line and not line.startswith("#")
)
SECRETS = {
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
    "ALGOPORT_SECRET_KEY",
    "ALGOPORT_ENCRYPTION_KEYS",
}


def names_that_are_read() -> set[str]:
    sources = [ROOT / f"platform/settings/{name}.py" for name in ("base", "env")]
    return set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', "".join(p.read_text() for p in sources)))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_closed_and_looked_after(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert not service["user"].startswith("0") and ":" in service["user"]
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged") and service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert set(service["networks"]) <= set(STACK["networks"])


def test_all_processes_are_there() -> None:
    assert {"postgres", "valkey", "web", "worker", "beat", "nginx"} <= set(SERVICES)
    # Nobody outside reaches the database or the broker, and they reach nobody.
    assert STACK["networks"]["inside"] == {"internal": True}
    assert [SERVICES[name]["networks"] for name in ("postgres", "valkey")] == [["inside"]] * 2
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["nginx"]
    probed = {name: SERVICES[name]["healthcheck"]["test"] for name in SERVICES}
    assert "/healthz" in probed["web"] and "/readyz" in probed["worker"]


@pytest.mark.parametrize("name", OURS)
def test_our_processes_are_given_what_they_read(name: str) -> None:
    service = SERVICES[name]
    assert set(service["environment"]) <= names_that_are_read()
    # DATABASE_URL and the like of the host would not be those of the stack.
    assert {"DATABASE_URL", "REDIS_URL", "ALGOPORT_SECRET_KEY"} <= set(service["environment"])
    assert {"postgres", "valkey"} <= set(service["depends_on"])
    words = shlex.split(service["command"].replace("$$", "$"))
    if words[:2] == ["sh", "-c"]:
        words = words[2].split(" exec ")[1].split()
    assert words[:3] == ["python", "manage.py", "up"]
    parser = load_command_class("algoport.web", "up").create_parser("manage.py", "up")
    assert parser.parse_args(words[3:]).only == [name.partition("-")[0]]


def test_the_example_has_every_name_and_no_secret() -> None:
    asked = re.findall(r"(?<!\$)\$\{(\w+)(:-|:\?)?", COMPOSE)
    needed = {name for name, kind in asked if kind != ":-"}
    assert needed == SECRETS | {"ALGOPORT_URL"}
    assert needed <= set(EXAMPLE)
    assert {name for name, value in EXAMPLE.items() if not value} == SECRETS
    used = {name for name, _ in asked} | {"COMPOSE_PROJECT_NAME"} | names_that_are_read()
    assert set(EXAMPLE) <= used


def test_the_database_allows_what_a_scaled_stack_opens() -> None:
    (allowed,) = re.findall(r"max_connections=(\d+)", SERVICES["postgres"]["command"])
    both = {
        "web_processes": settings.ALGOPORT_WEB_PROCESSES,
        "worker_threads": settings.ALGOPORT_WORKER_THREADS,
    }
    assert int(allowed) >= most_connections(**both)


def test_the_proxy_passes_on_what_the_platform_takes() -> None:
    said = dict(re.findall(r"^\s*(\w+) ([^;{]+);$", NGINX, re.M))
    assert said["client_max_body_size"] == "0"
    assert said["proxy_request_buffering"] == said["proxy_buffering"] == "off"
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        assert int(said[name].removesuffix("s")) > settings.CALL_TIMEOUT_LIMIT_SECONDS
    assert said["merge_slashes"] == "off"
    assert "X-Forwarded-For $remote_addr;" in NGINX and "X-Forwarded-Proto $scheme;" in NGINX


def test_the_image_has_all_that_runs_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines and all((ROOT / name).exists() for name in kept)
    packages = {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    ours = {name for name in packages if (ROOT / name).is_dir()}
    assert ours | {"platform", "algoport.py", "manage.py", "gunicorn.conf.py"} <= kept
    assert {"templates", "static", "requirements.txt"} <= kept
    assert not kept & {".env", "var", "tests", ".git"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER 10001:10001$", dockerfile, re.M)
    assert not re.search(r"index-url|https?://", dockerfile)
