"""What a platform has while its description is tried: objects to hit, and to delete."""

from dataclasses import dataclass, field
from typing import Any

import requests

from tests.acceptance.platform import SETTINGS, Account, Platform, create, deploy
from tests.doubles.seaweed import Seaweed

SOURCE = """
import time


def apply(input):
    if input == "slow":
        time.sleep(120)
    return input
"""
SCM_URLS = {
    "api": "https://api.github.com",
    "ssh": "ssh://git@github.com",
    "web": "https://github.com",
}
# How many of what requests may delete.
PREY = 6


@dataclass
class Objects:
    """A platform with accounts that are kept, and values for its path parameters."""

    platform: Platform
    keeper: Account
    admin_key: str
    # Parameters by name, more exact ones by `METHOD PATH-PART NAME`.
    values: dict[str, list[str]] = field(default_factory=dict)
    # Members of bodies, by `SCHEMA MEMBER`.
    members: dict[str, list[str]] = field(default_factory=dict)

    @property
    def admin(self) -> requests.Session:
        return session(self.admin_key)

    @property
    def owner(self) -> requests.Session:
        return session(self.keeper.key)


def session(key: str) -> requests.Session:
    made = requests.Session()
    made.headers["Authorization"] = f"Simple {key}"
    return made


def make_objects(platform: Platform, storage: Seaweed) -> Objects:
    """Fill a new platform; every operation finds something to answer about."""
    administrator = platform.first_run["admin_username"]
    admin_key = platform.manage("create_key", administrator, "--admin").strip().splitlines()[-1]
    objects = Objects(platform, platform.demo, admin_key)
    _make_algorithms(objects)
    _make_data(objects, storage)
    _make_accounts(objects)
    _make_queued_calls(objects)
    _name_members(objects)
    return objects


def _sent(answer: requests.Response) -> Any:
    assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.text else None


def _make_algorithms(objects: Objects) -> None:
    keeper, url = objects.keeper, objects.platform.url
    address = deploy(keeper, "Kept", SOURCE, publish="public")
    commit = address.rpartition("/")[2]
    prey = [f"Prey{number}" for number in range(PREY)]
    for name in prey:
        create(keeper, name)
    kept = _sent(objects.owner.get(f"{url}/v1/algorithms/{keeper.name}/Kept"))
    environments = f"{url}/v1/algorithm-environments/edge/languages/python3-1/environments"
    environment = _sent(objects.owner.get(environments))["environments"][0]
    objects.values |= {
        "owner": [keeper.name],
        "author": [keeper.name],
        "algorithm": ["Kept"],
        "algorithm_id": [kept["id"]],
        "git_hash": [commit],
        "version": ["0.1.0", "0.*", "latest", commit],
        "build_id": [kept["build"]["build_id"]],
        "language": [SETTINGS["language"]],
        "specification_id": [environment["id"]],
        "/algorithms/ name": ["Kept"],
        "/algo/ name": ["Kept"],
        "delete /algorithms/{owner}/{name}$ name": prey,
    }


def _make_data(objects: Objects, storage: Seaweed) -> None:
    url, name = objects.platform.url, objects.keeper.name
    collections = ["kept", *(f"prey{number}" for number in range(PREY))]
    for collection in collections:
        _sent(objects.owner.post(f"{url}/v1/data/{name}", json={"name": collection}))
    files = ["kept.txt", *(f"prey{number}.txt" for number in range(PREY))]
    for file in files:
        _sent(objects.owner.put(f"{url}/v1/data/{name}/kept/{file}", data=b"0123456789"))
    bucket = storage.new_bucket()
    for file in files:
        storage.client.put_object(Bucket=bucket, Key=file, Body=b"0123456789")
    for label in ("kept", *(f"prey{number}" for number in range(PREY))):
        connector = {
            "username": name,
            "label": label,
            "protocol": "s3",
            "cred_type": "iam",
            "cred_data": storage.credentials,
            "writeable": True,
            "options": {"endpoint_url": storage.url, "addressing": "path"},
        }
        _sent(objects.owner.post(f"{url}/v1/users/{name}/connectors", json=connector))
    objects.values |= {
        "collection": ["kept"],
        "delete /data/{owner}/{collection}$ collection": collections[1:],
        "file": ["kept.txt"],
        "delete {owner}/{collection}/{file}$ file": files[1:],
        "connector": ["s3+kept"],
        "place": [f"{bucket}/kept.txt"],
        "post /connector/ place": [bucket],
        "delete /connector/ place": [f"{bucket}/{file}" for file in files[1:]],
        "connector_id": ["s3+kept"],
        "delete /connectors/{connector_id}$ connector_id": [
            f"s3+prey{number}" for number in range(PREY)
        ],
        "bucket": [bucket],
        "query key": ["kept.txt"],
    }


def _make_accounts(objects: Objects) -> None:
    url, admin, keeper = objects.platform.url, objects.admin, objects.keeper.name
    users = [f"prey{number}" for number in range(PREY)]
    for name in ("kept", *users):
        user = {"username": name, "email": f"{name}@example.com"}
        _sent(admin.post(f"{url}/v1/users", json=user))
    organizations = [f"preyorg{number}" for number in range(PREY)]
    for name in ("keptorg", *organizations):
        organization = {
            "org_name": name,
            "org_label": name,
            "org_contact_name": "demo",
            "org_email": f"{name}@example.com",
            "external_id": f"external-{name}",
        }
        _sent(admin.post(f"{url}/v1/organizations", json=organization))
    for name in (keeper, *users):
        _sent(admin.put(f"{url}/v1/organizations/keptorg/members/{name}", json={"role": "owner"}))
    types = [f"preytype{number}" for number in range(PREY)]
    for name in types:
        _sent(admin.post(f"{url}/v1/organization/types", json={"name": name}))
    objects.values |= {
        "username": [keeper, "kept"],
        "delete /users/{username}$ username": users,
        "/members/ username": users,
        "/connectors username": [keeper],
        "/data-accesses username": [keeper],
        "organization": ["keptorg"],
        "/organizations/ name": ["keptorg"],
        "delete /organizations/{name}$ name": organizations,
        "external_id": ["external-keptorg"],
        "delete /organization/types/ name": types,
        "user_id": [keeper],
        "/features/ name": ["algorithm-errors"],
    }
    _sent(admin.put(f"{url}/v1/admin/features/algorithm-errors", json={"enabled": True}))
    _sent(admin.post(f"{url}/v1/admin/invites", json={"inviteCode": "kept"}))
    scms = [f"preyscm{number}" for number in range(PREY)]
    for name in ("keptscm", *scms):
        client = {"client_id": name, "client_secret": "secret"}
        scm = {"id": name, "provider": "github", "urls": SCM_URLS, "oauth": client}
        scm["enabled"] = False
        _sent(admin.post(f"{url}/v1/admin/scms", json=scm))
    objects.values |= {
        "scm_id": ["internal"],
        "patch {scm_id}$ scm_id": ["keptscm"],
        "delete {scm_id}$ scm_id": scms,
        "number": ["0.1.0"],
    }
    reserved = [_sent(admin.post(f"{url}/v1/admin/reservations", json=_reservation(objects)))]
    objects.values["reservation_id"] = [each["reservation_id"] for each in reserved]


def _reservation(objects: Objects) -> dict[str, Any]:
    return {
        "username": objects.keeper.name,
        "algoname": "Kept",
        "calling_user": objects.keeper.name,
        "version_type": "latest_public",
        "num_slots": 1,
    }


def _make_queued_calls(objects: Objects) -> None:
    url = f"{objects.platform.url}/v1/algo/{objects.keeper.name}/Kept?output=void"
    queued = [_sent(objects.owner.post(url, json=text)) for text in ["input"] + PREY * ["slow"]]
    identifiers = [each["request_id"] for each in queued]
    objects.values |= {
        "request_id": identifiers[:1],
        "delete {request_id}$ request_id": identifiers[1:],
    }


def _kept(types: list[dict[str, str]]) -> list[str]:
    return [each["id"] for each in types if not each["name"].startswith("prey")]


def _name_members(objects: Objects) -> None:
    """What bodies have to name as well, or be refused before anything else is looked at."""
    url, keeper = objects.platform.url, objects.keeper.name
    types = _sent(objects.owner.get(f"{url}/v1/organization/types"))
    providers = _sent(objects.owner.get(f"{url}/v1/secret-provider"))
    environment = {
        "language": [SETTINGS["language"]],
        "environment": [SETTINGS["environment"]],
        "package_set": ["python311"],
        "algorithm_environment": objects.values["specification_id"],
    }
    named: dict[str, dict[str, list[str]]] = {
        "ConnectorCreateRequest": {"username": [keeper], "protocol": ["s3"]},
        "OrganizationRequest": {"type_id": _kept(types)},
        "NewSecretRequest": {
            "owner_id": objects.values["algorithm_id"],
            "provider_id": [providers[0]["id"]],
        },
        "ReservationRequest": {
            "username": [keeper],
            "algoname": ["Kept"],
            "calling_user": [keeper],
        },
        "SettingsRequest": environment,
    }
    named |= {
        "OrganizationCreateRequest": named["OrganizationRequest"],
        "SecretRequestRequest": named["NewSecretRequest"],
        "ChangedSettingsRequest": environment,
    }
    objects.members = {
        f"{schema} {member}": values
        for schema, members in named.items()
        for member, values in members.items()
    }
