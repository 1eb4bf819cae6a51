"""Who finds what: selectors ask the permission module and hide what may not be read."""

from pathlib import Path

import pytest

from algoport.accounts.permissions import ANONYMOUS, Action, Principal, Scopes
from algoport.errors import ApiError, NotAuthenticated, NotAuthorized
from dataportal.constants import ReadAcl
from dataportal.errors import CollectionNotFound, PathNotFound
from dataportal.models import Collection
from dataportal.selectors import (
    check_data_scope,
    get_collection_for,
    get_file_for,
    list_collections_for,
    list_files_for,
)
from tests.factories.dataportal import make_caller, make_file, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def principals(hosted: Path) -> dict[str, Principal]:
    owner, stranger = make_caller("owner"), make_caller("stranger")
    read_only = make_caller("owner", Scopes(data_read=True), owner.user)
    for acl in ReadAcl:
        made = Collection.objects.create(owner=owner.user, name=acl.value, read_acl=acl)
        make_file(made, "f")
    return {
        "owner": owner.principal,
        "read-only key": read_only.principal,
        "stranger": stranger.principal,
        "owner's algorithm": make_run(stranger, owner),
        "other algorithm": make_run(stranger, stranger),
    }


def outcome(principal: Principal, name: str, action: Action) -> str:
    try:
        get_collection_for(principal, "owner", name, action)
        get_file_for(principal, "owner", name, "f", action)
    except ApiError as exc:
        return type(exc).__name__
    return "yes"


HIDDEN, REFUSED = CollectionNotFound.__name__, NotAuthorized.__name__


@pytest.mark.parametrize(
    ("who", "acl", "read", "write"),
    [
        ("owner", "private", "yes", "yes"),
        ("owner", "public", "yes", "yes"),
        ("read-only key", "private", "yes", REFUSED),
        ("stranger", "private", HIDDEN, HIDDEN),
        ("stranger", "my_algorithms", HIDDEN, HIDDEN),
        ("stranger", "public", "yes", REFUSED),
        ("owner's algorithm", "private", HIDDEN, HIDDEN),
        ("owner's algorithm", "my_algorithms", "yes", REFUSED),
        ("owner's algorithm", "public", "yes", REFUSED),
        ("other algorithm", "my_algorithms", HIDDEN, HIDDEN),
        ("other algorithm", "public", "yes", REFUSED),
    ],
)
def test_access(
    principals: dict[str, Principal], who: str, acl: str, read: str, write: str
) -> None:
    principal = principals[who]
    assert outcome(principal, acl, Action.READ_COLLECTION) == read
    assert outcome(principal, acl, Action.WRITE_COLLECTION) == write
    assert outcome(principal, acl, Action.MANAGE_COLLECTION) == write
    if read == HIDDEN:
        with pytest.raises(PathNotFound, match=r"^path not found$"):
            get_file_for(principal, "owner", acl, "f")


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("owner", ["my_algorithms", "private", "public"]),
        ("stranger", ["public"]),
        ("owner's algorithm", ["my_algorithms", "public"]),
    ],
)
def test_listing_shows_what_may_be_read(
    principals: dict[str, Principal], who: str, names: list[str]
) -> None:
    assert list_collections_for(principals[who], "OWNER", "").names == names


def test_caller_without_data_scope_is_refused(principals: dict[str, Principal]) -> None:
    check_data_scope(principals["read-only key"])
    with pytest.raises(NotAuthorized):
        check_data_scope(make_caller("other", Scopes(native_calls=True)).principal)
    with pytest.raises(NotAuthenticated):
        check_data_scope(ANONYMOUS)


def test_reads_cost_one_query_and_listings_two(
    principals: dict[str, Principal], django_assert_max_num_queries
) -> None:
    for who in ("owner", "stranger"):
        with django_assert_max_num_queries(1):
            get_file_for(principals[who], "owner", "public", "f")
        with django_assert_max_num_queries(2):
            list_files_for(principals[who], "owner", "public", "")
        with django_assert_max_num_queries(2):
            list_collections_for(principals[who], "owner", "")


def test_collection_pages_follow_one_another(
    principals: dict[str, Principal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataportal.selectors.LISTING_PAGE_SIZE", 2)
    first = list_collections_for(principals["owner"], ".my", "")
    second = list_collections_for(principals["owner"], ".my", first.names[-1])
    assert (first.names, first.more) == (["my_algorithms", "private"], True)
    assert (second.names, second.more) == (["public"], False)
