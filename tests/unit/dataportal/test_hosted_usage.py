"""What an account has in hosted collections is counted exactly, and never more than it may have."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone
from pytest_django import Settings

from algoport.accounts.models import User
from algoport.accounts.permissions import CollectionKind
from algorithms.models import Environment
from dataportal.constants import TEMP_FILE_AGE
from dataportal.errors import CollectionNotFound, PathNotFound, TooManyBytes, TooManyFiles
from dataportal.models import Collection, HostedFile, HostedUsage
from dataportal.services import (
    delete_algorithm_collections,
    delete_collection,
    delete_file,
    drop_reserved,
    end_session,
    open_system_collection,
    publish_file,
    remove_outdated_data,
    reserve_file,
)
from dataportal.storage import IncomingFile
from dataportal.system_paths import SystemPlace
from dataportal.usage import ANY_SIZE, change_limits, get_room
from tests.factories.algorithms import make_algorithm
from tests.factories.dataportal import Caller, make_caller, make_file, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(hosted: Path) -> Caller:
    return make_caller("demo")


@pytest.fixture
def collection(owner: Caller) -> Collection:
    return Collection.objects.create(owner=owner.user, name="c")


def used(owner: User) -> tuple[int, int]:
    row = HostedUsage.objects.filter(owner=owner).first()
    return (0, 0) if row is None else (row.bytes, row.files)


def counted(owner: User) -> tuple[int, int]:
    """What the rows of the files say."""
    rows = HostedFile.objects.filter(collection__owner=owner)
    found = rows.aggregate(size=Sum("size", default=0), files=Count("pk"))
    return found["size"], found["files"]


def put_row(collection: Collection, name: str, size: int) -> None:
    publish_file(file=reserve_file(name=name, size=size, digest=""), collection=collection)


def test_replaced_file_counts_once(owner: Caller, collection: Collection) -> None:
    make_file(collection, "f", b"12345")
    assert used(owner.user) == (5, 1)
    make_file(collection, "f", b"12")
    make_file(collection, "g", b"123")
    assert used(owner.user) == counted(owner.user) == (5, 2)


def test_reserved_and_unused_files_do_not_count(owner: Caller, collection: Collection) -> None:
    make_file(collection, "f", b"12345")
    reserve_file(name="g", size=7, digest="")
    delete_file(principal=owner.principal, owner="demo", collection="c", name="f")
    assert used(owner.user) == (0, 0)


def test_deleted_collection_gives_back_all(owner: Caller, collection: Collection) -> None:
    other = Collection.objects.create(owner=owner.user, name="other")
    for number in range(5):
        make_file(collection, str(number), b"x" * number)
    make_file(other, "f", b"1")
    delete_collection(principal=owner.principal, owner="demo", name="c", force=True)
    assert used(owner.user) == (1, 1)


def test_what_algorithms_keep_counts_for_their_user(
    owner: Caller, python_environment: Environment
) -> None:
    author = make_caller("author")
    algorithm = make_algorithm(author.user, "Keeper")
    run = make_run(owner, author, algorithm.id, uuid4())
    assert run.run is not None and run.run.session_id is not None
    for number, kind in enumerate(
        (CollectionKind.SESSION, CollectionKind.TEMP, CollectionKind.PERM), start=1
    ):
        row, _ = open_system_collection(principal=run, place=SystemPlace(kind))
        make_file(row, "f", b"x" * 10**number)
    assert (used(owner.user), used(author.user)) == ((1110, 3), (0, 0))
    end_session(run.run.session_id)
    assert used(owner.user) == (1100, 2)
    long_ago = timezone.now() - TEMP_FILE_AGE - timedelta(seconds=1)
    HostedFile.objects.update(modified_at=long_ago)
    remove_outdated_data()
    assert used(owner.user) == (1000, 1)
    delete_algorithm_collections(algorithm_id=algorithm.id)
    assert used(owner.user) == counted(owner.user) == (0, 0)


def test_outdated_files_of_many_users_are_given_back(
    owner: Caller, python_environment: Environment
) -> None:
    author = make_caller("author")
    algorithm = make_algorithm(author.user, "Keeper")
    users = [make_caller(f"user{number}") for number in range(5)]
    for number, user in enumerate(users):
        run = make_run(user, author, algorithm.id)
        row, _ = open_system_collection(principal=run, place=SystemPlace(CollectionKind.TEMP))
        for name in range(number):
            put_row(row, str(name), 100)
    HostedFile.objects.update(modified_at=timezone.now() - TEMP_FILE_AGE * 2)
    assert remove_outdated_data() == 10
    assert [used(user.user) for user in users] == [(0, 0)] * 5


def test_file_over_the_limit_changes_nothing(
    owner: Caller, collection: Collection, settings: Settings
) -> None:
    settings.HOSTED_BYTES_PER_ACCOUNT = 10
    make_file(collection, "f", b"12345")
    refused = reserve_file(name="f", size=11, digest="")
    with pytest.raises(TooManyBytes, match="10 bytes"):
        publish_file(file=refused, collection=collection)
    kept = collection.files.get()
    assert (kept.size, kept.unused_since, used(owner.user)) == (5, None, (5, 1))
    drop_reserved(refused)
    assert list(HostedFile.objects.all()) == [kept]
    put_row(collection, "f", 10)
    put_row(collection, "empty", 0)
    assert used(owner.user) == (10, 2)


def test_one_file_more_than_allowed_is_refused(
    owner: Caller, collection: Collection, settings: Settings
) -> None:
    settings.HOSTED_FILES_PER_ACCOUNT = 2
    for name in ("a", "b", "a"):
        put_row(collection, name, 1)
    with pytest.raises(TooManyFiles, match="2 files"):
        get_room(collection, "c")
    with pytest.raises(TooManyFiles):
        put_row(collection, "c", 1)
    get_room(collection, "b")
    assert used(owner.user) == counted(owner.user) == (2, 2)


def test_who_has_too_much_may_still_have_less(
    owner: Caller, collection: Collection, settings: Settings
) -> None:
    put_row(collection, "f", 100)
    put_row(collection, "g", 100)
    settings.HOSTED_BYTES_PER_ACCOUNT = 50
    settings.HOSTED_FILES_PER_ACCOUNT = 1
    put_row(collection, "f", 99)
    get_room(collection, "f").check(99)
    with pytest.raises(TooManyBytes):
        get_room(collection, "f").check(100)
    with pytest.raises(TooManyBytes):
        put_row(collection, "f", 100)
    delete_file(principal=owner.principal, owner="demo", collection="c", name="g")
    assert used(owner.user) == (99, 1)


def test_drop_leaves_what_was_published(collection: Collection) -> None:
    file = make_file(collection, "f")
    drop_reserved(file)
    assert collection.files.get() == file


def test_limits_of_an_account_go_before_the_platforms(
    owner: Caller, collection: Collection, settings: Settings
) -> None:
    settings.HOSTED_BYTES_PER_ACCOUNT = settings.HOSTED_FILES_PER_ACCOUNT = 5
    change_limits(owner_id=owner.user.id, byte_limit=100, file_limit=0)
    assert get_room(collection, "f").most == 100
    for number in range(10):
        put_row(collection, str(number), 10)
    with pytest.raises(TooManyBytes):
        put_row(collection, "more", 1)
    change_limits(owner_id=owner.user.id, byte_limit=0, file_limit=None)
    assert get_room(collection, "1") == ANY_SIZE
    with pytest.raises(TooManyFiles):
        put_row(collection, "more", 1)
    assert used(owner.user) == (100, 10)


def test_upload_is_refused_while_it_comes(hosted: Path, collection: Collection) -> None:
    change_limits(owner_id=collection.owner_id, byte_limit=10, file_limit=None)
    upload = IncomingFile(get_room(collection, "f"))
    upload.write(b"x" * 10)
    with pytest.raises(TooManyBytes):
        upload.write(b"x")
    upload.discard()
    assert not list((hosted.parent / "incoming").iterdir())


def test_writers_at_once_never_have_too_much(
    owner: Caller, collection: Collection, settings: Settings
) -> None:
    settings.HOSTED_BYTES_PER_ACCOUNT = 1000
    settings.HOSTED_FILES_PER_ACCOUNT = 15
    refused: list[object] = []

    def write(number: int) -> None:
        chosen = random.Random(number)
        for turn in range(25):
            try:
                put_row(collection, f"{number}-{turn}", chosen.randint(1, 200))
            except (TooManyBytes, TooManyFiles) as exc:
                refused.append(exc)
            size, files = used(owner.user)
            assert size <= 1000 and files <= 15

    run_at_once([partial(write, number) for number in range(6)])
    assert refused
    assert used(owner.user) == counted(owner.user)


def test_sums_are_exact_whatever_happens_at_once(owner: Caller, collection: Collection) -> None:
    def put(number: int) -> None:
        chosen = random.Random(number)
        for _ in range(30):
            some = Collection.objects.filter(owner=owner.user).order_by("name").first()
            try:
                if some is not None:
                    put_row(some, str(chosen.randint(1, 4)), chosen.randint(1, 200))
            except CollectionNotFound:
                continue

    def delete() -> None:
        for number in range(40):
            try:
                delete_file(
                    principal=owner.principal, owner="demo", collection="c", name=str(number % 5)
                )
            except PathNotFound:
                continue

    def make_anew() -> None:
        for number in range(10):
            Collection.objects.create(owner=owner.user, name=f"a{number}")
            delete_collection(
                principal=owner.principal, owner="demo", name=f"a{number}", force=True
            )

    work = [partial(put, number) for number in range(4)]
    run_at_once([*work, delete, delete, make_anew])
    assert used(owner.user) == counted(owner.user)
    assert counted(owner.user)[1] > 0


def run_at_once(functions: list[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def work(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
