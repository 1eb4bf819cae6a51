"""A platform whose every text that people choose is hostile, and the addresses of all its pages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key
from algoport.notifications.services import send_message
from algorithms.categories import CategoryFields, categories, create_category
from algorithms.constants import CATEGORY_TITLE_LENGTH, BuildState
from algorithms.models import Algorithm, Approval
from algorithms.secrets.services import SecretFields, create_secret
from dataportal.models import Collection
from orgs.invitations import invite
from orgs.models import Organization
from scm.commits import CommitRequest, Write, commit_files
from scm.repositories import head_commit
from tests.factories.algorithms import make_algorithm, make_build, make_error, make_version
from tests.factories.connectors import make_connector
from tests.factories.dataportal import make_caller, make_file
from tests.factories.organizations import make_organization

# Where it stands as text it is seen as it is; elsewhere there is an element or an attribute.
HOSTILE = """"'><x-probe x-probe=1 onclick=x>{{7*7}}<script>x</script>&lt;x-probe&gt;"""
# The tag of the one that there is.
CATEGORY = "probe"
HOSTILE_FILE = HOSTILE.replace("/", "") + ".py"
README = f"""# {HOSTILE}

[link](javascript:alert(1)) ![image](javascript:alert(1)) <x-probe onload=x>

    {HOSTILE}
"""
# What belongs to no app of ours: Django's, allauth's, and what is no page.
_ELSEWHERE = ("allauth.", "django.")
_NO_PAGES = {"theme", "health", "readiness", "metrics", "openapispec", "impersonation-stop"}


@dataclass
class World:
    """What there is, and the parts of addresses that lead to it."""

    owner: User
    algorithm: Algorithm
    organization: Organization
    parts: dict[str, str] = field(default_factory=dict)
    source_queries: tuple[str, ...] = (
        "path=src",
        urlencode({"path": f"src/{HOSTILE_FILE}"}),
        "path=README.md",
    )


def make_world(owner: User, team: str = "team") -> World:
    algorithm = make_algorithm(owner, "Tool", source_visibility="open")
    Algorithm.objects.filter(pk=algorithm.pk).update(
        label=HOSTILE, tagline=HOSTILE, summary=README, sample_input=HOSTILE, tags=[CATEGORY]
    )
    _make_category()
    sha = _commit(algorithm)
    build = make_build(algorithm, BuildState.FAILED, sha, log=f"{HOSTILE}\n")
    make_version(algorithm, "public")
    make_error(algorithm, owner, message=HOSTILE, stacktrace=HOSTILE, input=HOSTILE)
    organization = make_organization(team, owner)
    Organization.objects.filter(pk=organization.pk).update(label=HOSTILE, contact_name=HOSTILE)
    collection = Collection.objects.create(owner=owner, name="set", read_acl="private")
    make_file(collection, HOSTILE_FILE, HOSTILE.encode())
    key = create_key(owner=owner, label=HOSTILE, scopes=EVERYTHING).row
    connector = make_connector(
        make_caller(owner.username, user=owner), "lab", path="x*", writeable=True
    )
    fields = SecretFields(name=HOSTILE, description=HOSTILE, variable="A", value="b")
    secret = create_secret(algorithm=algorithm, given=fields)
    invitation = invite(organization=organization, inviter=owner, email="x@example.com")
    approval = _held_version(organization)
    told = send_message(usernames=[owner.username], text=HOSTILE, link="https://example.com/x?y")
    parts = {
        "owner": owner.username,
        "name": "Tool",
        "organization": team,
        "key_id": str(key.pk),
        "sha": sha,
        "build_id": str(build.pk),
        "scm_id": "internal",
        "number": "0.1.0",
        "rest": f"{owner.username}/set",
        "place": f"data/{owner.username}/set",
        "protocol": "s3",
        "token": "none",
        "team": team,
        "username": owner.username,
        "connector_id": str(connector.pk),
        "bucket": "none",
        "secret_id": str(secret.pk),
        "invitation_id": str(invitation.pk),
        "approval_id": str(approval.pk),
        "notification_id": str(told[0].pk),
    }
    return World(owner, algorithm, organization, parts)


def _held_version(organization: Organization) -> Approval:
    shared = make_algorithm(organization.account, "Shared")
    version = make_version(shared, "private")
    return Approval.objects.create(version=version, owner=organization.account)


def _make_category() -> None:
    """It is everybody's: the world before this one may have made it."""
    if not any(each.tag == CATEGORY for each in categories()):
        create_category(
            given=CategoryFields(HOSTILE[:CATEGORY_TITLE_LENGTH], HOSTILE, CATEGORY, README, 0)
        )


def _commit(algorithm: Algorithm) -> str:
    head = head_commit(algorithm.id)
    assert head is not None
    changes = (
        Write("README.md", README.encode()),
        Write(f"src/{HOSTILE_FILE}", HOSTILE.encode(), is_new=True),
    )
    return commit_files(algorithm.id, CommitRequest(head, HOSTILE, "demo", changes))


def page_patterns() -> Iterator[URLPattern]:
    """Those of all pages of ours that people open: neither the API nor the admin portal."""
    yield from _patterns(get_resolver(), "")


def addresses(world: World) -> list[tuple[str, str]]:
    """Of every page, by the names of their patterns."""
    found = [(name, _address_of(pattern, world.parts)) for name, pattern in PATTERNS.items()]
    source, catalogue = dict(found)["algorithm-source"], dict(found)["algorithms"]
    found.append(("algorithms", f"{catalogue}?category={CATEGORY}"))
    return [*found, *(("algorithm-source", f"{source}?{q}") for q in world.source_queries)]


def _patterns(resolver: URLResolver, prefix: str) -> Iterator[URLPattern]:
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if path.startswith(("v1", "^v1", "admin")):
            continue
        if isinstance(each, URLResolver):
            yield from _patterns(each, path)
        elif not each.callback.__module__.startswith(_ELSEWHERE) and each.name not in _NO_PAGES:
            yield each


def _address_of(pattern: URLPattern, parts: dict[str, str]) -> str:
    assert pattern.name is not None
    found = {name: parts[name] for name in pattern.pattern.converters}
    if "owner" not in found and "name" in found:
        found["name"] = parts["team"]
    return reverse(pattern.name, kwargs=found)


PATTERNS = {str(pattern.name): pattern for pattern in page_patterns()}
