"""Collections of sessions and algorithms: made by the first write, gone when their time is over."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from algoport.accounts.permissions import CollectionKind, Principal
from algoport.errors import NotAuthorized
from algorithms.errors import AlgorithmNotFound
from algorithms.models import Algorithm, Environment
from algorithms.services import delete_algorithm
from dataportal.constants import SESSION_MARGIN, TEMP_FILE_AGE
from dataportal.errors import CollectionNotFound, NoAlgorithmRunning, NoSession, PathNotFound
from dataportal.models import Collection, HostedFile
from dataportal.selectors import (
    get_system_collection_for,
    get_system_file_for,
    list_collections_for,
    list_system_files_for,
    list_system_folder_for,
)
from dataportal.services import (
    delete_system_file,
    end_session,
    open_system_collection,
    publish_file,
    remove_outdated_data,
    reserve_file,
)
from dataportal.system_paths import SystemFile, SystemFolder, SystemPlace
from tests.factories.algorithms import make_algorithm, make_version
from tests.factories.dataportal import Caller, make_caller, make_file, make_run

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = SystemPlace(CollectionKind.SESSION)
TEMP, PERM = SystemPlace(CollectionKind.TEMP), SystemPlace(CollectionKind.PERM)
LONG = SystemPlace(CollectionKind.PERM, "author", "Keeper")


@pytest.fixture
def author(hosted: Path) -> Caller:
    return make_caller("author")


@pytest.fixture
def user(hosted: Path) -> Caller:
    return make_caller("user")


@pytest.fixture
def algorithm(author: Caller, python_environment: Environment) -> Algorithm:
    made = make_algorithm(author.user, "Keeper")
    make_version(made)
    return made


@pytest.fixture
def run(author: Caller, user: Caller, algorithm: Algorithm) -> Principal:
    """The algorithm as `user` runs it, in a session."""
    return make_run(user, author, algorithm.id, uuid4())


def put(principal: Principal, place: SystemPlace, name: str = "f") -> HostedFile:
    row, _ = open_system_collection(principal=principal, place=place)
    return make_file(row, name)


def names(principal: Principal, place: SystemPlace) -> list[str]:
    return [file.name for file in list_system_files_for(principal, place, "").files]


def session_of(principal: Principal) -> UUID:
    assert principal.run is not None and principal.run.session_id is not None
    return principal.run.session_id


def at_once(*functions: Callable[[], object]) -> list[BaseException]:
    """Run them in threads that start together; what they raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(functions))

    def work(function: Callable[[], object]) -> None:
        try:
            barrier.wait()
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
    return failures


@pytest.mark.parametrize("place", [SESSION, TEMP, PERM])
def test_first_writers_at_once_make_one_row(run: Principal, place: SystemPlace) -> None:
    for _ in range(5):
        writers = [lambda: open_system_collection(principal=run, place=place) for _ in range(6)]
        assert at_once(*writers) == []
        assert Collection.objects.count() == 1
        Collection.objects.all().delete()


def test_empty_collections_exist_without_a_row(run: Principal) -> None:
    for place in (SESSION, TEMP, PERM, LONG):
        assert names(run, place) == []
        with pytest.raises(PathNotFound):
            get_system_file_for(run, SystemFile(place, "f"))
        with pytest.raises(PathNotFound):
            delete_system_file(principal=run, file=SystemFile(place, "f"))
    assert not Collection.objects.exists()


def test_accounts_do_not_show_what_algorithms_keep(run: Principal, user: Caller) -> None:
    for place in (SESSION, TEMP, PERM):
        put(run, place)
    assert Collection.objects.count() == 3
    assert list_collections_for(user.principal, ".my", "").names == []
    assert list_collections_for(user.principal, "user", "").names == []


def test_each_user_and_algorithm_and_session_is_apart(
    run: Principal, author: Caller, user: Caller, algorithm: Algorithm
) -> None:
    for place in (SESSION, TEMP, PERM):
        put(run, place, "secret")
    other_algorithm = make_algorithm(author.user, "Other")
    other = make_run(user, author, other_algorithm.id, uuid4())
    for_author = make_run(author, author, algorithm.id, uuid4())
    for principal in (other, for_author):
        for place in (SESSION, TEMP, PERM):
            assert names(principal, place) == []
            put(principal, place, "own")
    assert names(for_author, LONG) == ["own"]
    assert names(author.principal, LONG) == ["own"]
    assert names(user.principal, LONG) == ["secret"]
    # Another algorithm has the rights of who runs it, and these end at reading.
    assert names(other, LONG) == ["secret"]
    with pytest.raises(NotAuthorized, match="Only the algorithm itself"):
        open_system_collection(principal=other, place=LONG)
    with pytest.raises(NotAuthorized):
        delete_system_file(principal=other, file=SystemFile(LONG, "secret"))
    for place in (SESSION, TEMP, PERM):
        assert names(run, place) == ["secret"]


def test_algorithms_of_one_session_share_its_files(
    run: Principal, author: Caller, user: Caller
) -> None:
    put(run, SESSION)
    child = make_run(user, author, uuid4(), session_id=session_of(run))
    assert names(child, SESSION) == ["f"]
    delete_system_file(principal=child, file=SystemFile(SESSION, "f"))
    assert names(run, SESSION) == []


def test_outside_of_a_call_there_is_no_session(
    user: Caller, author: Caller, algorithm: Algorithm
) -> None:
    loading = make_run(user, author, algorithm.id, session_id=None)
    for principal in (user.principal, loading):
        with pytest.raises(NoSession):
            get_system_collection_for(principal, SESSION)
        with pytest.raises(NoSession):
            open_system_collection(principal=principal, place=SESSION)
    with pytest.raises(NoAlgorithmRunning, match="AUTHOR/NAME/temp"):
        get_system_collection_for(user.principal, TEMP)
    put(loading, PERM)
    assert names(user.principal, LONG) == ["f"]


def test_algorithm_that_may_not_be_seen_does_not_exist(author: Caller, user: Caller, run) -> None:
    make_algorithm(author.user, "Private")
    for name in ("Private", "Missing", "x\x00"):
        with pytest.raises(AlgorithmNotFound):
            get_system_collection_for(
                user.principal, SystemPlace(CollectionKind.PERM, "author", name)
            )
        with pytest.raises(AlgorithmNotFound):
            list_system_folder_for(user.principal, SystemFolder("author", name), "")


def test_folders_show_the_algorithms_that_keep_files(
    run: Principal, user: Caller, author: Caller
) -> None:
    def folder(principal: Principal, *path: str) -> list[str]:
        return list_system_folder_for(principal, SystemFolder(*path), "").names

    assert folder(user.principal) == []
    put(run, PERM)
    assert folder(user.principal) == ["author"]
    assert folder(user.principal, "AUTHOR") == ["Keeper"]
    assert folder(user.principal, "author", "keeper") == ["perm", "temp"]
    assert folder(user.principal, ".my") == []
    assert folder(run) == ["perm", "temp"]
    assert folder(author.principal) == []
    assert folder(author.principal, ".my", "keeper") == ["perm", "temp"]


def test_folder_pages_follow_one_another(
    run: Principal, user: Caller, author: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dataportal.selectors.LISTING_PAGE_SIZE", 2)
    for name in ("a", "B", "c"):
        algorithm = make_algorithm(author.user, name)
        make_version(algorithm)
        put(make_run(user, author, algorithm.id), PERM)
    folder = SystemFolder("author")
    first = list_system_folder_for(user.principal, folder, "")
    second = list_system_folder_for(user.principal, folder, first.names[-1])
    assert (first.names, first.more) == (["a", "B"], True)
    assert (second.names, second.more) == (["c"], False)


def test_ended_session_takes_its_files_with_it(run: Principal) -> None:
    file = put(run, SESSION)
    kept = put(run, TEMP)
    end_session(session_of(run))
    end_session(session_of(run))
    end_session(uuid4())
    file.refresh_from_db()
    assert (file.collection_id, file.unused_since is None) == (None, False)
    assert names(run, SESSION) == []
    assert names(run, TEMP) == [kept.name]


def test_upload_that_outlives_its_session_is_refused(run: Principal) -> None:
    row, _ = open_system_collection(principal=run, place=SESSION)
    reserved = reserve_file(name="f", size=0, digest="")
    end_session(session_of(run))
    with pytest.raises(CollectionNotFound, match=r"no collection data://\.session\."):
        publish_file(file=reserved, collection=row)
    assert not HostedFile.objects.exclude(collection=None).exists()


def test_session_ends_while_its_files_are_replaced(run: Principal) -> None:
    """The locks are taken in one order: nobody waits for somebody who waits for him."""

    def write() -> None:
        for _ in range(40):
            try:
                row, _ = open_system_collection(principal=run, place=SESSION)
                publish_file(file=reserve_file(name="f", size=0, digest=""), collection=row)
            except CollectionNotFound:
                continue

    def end() -> None:
        for _ in range(60):
            end_session(session_of(run))

    assert at_once(write, write, write, end, end) == []
    end_session(session_of(run))
    assert not Collection.objects.exists()
    assert not HostedFile.objects.exclude(collection=None).exists()


def test_temp_files_vanish_after_a_day_and_others_do_not(run: Principal, monkeypatch) -> None:
    monkeypatch.setattr("dataportal.services._SWEEP_BATCH", 2)
    for number in range(5):
        put(run, TEMP, f"old{number}")
    put(run, PERM, "old")
    HostedFile.objects.update(modified_at=timezone.now() - TEMP_FILE_AGE - timedelta(minutes=1))
    put(run, TEMP, "new")
    assert remove_outdated_data() == 5
    assert names(run, TEMP) == ["new"]
    assert names(run, PERM) == ["old"]
    assert remove_outdated_data() == 0


def test_sessions_that_nobody_ended_are_swept(run: Principal) -> None:
    put(run, SESSION)
    put(run, PERM)
    longest = timedelta(seconds=settings.CALL_TIMEOUT_LIMIT_SECONDS) + SESSION_MARGIN
    rows = Collection.objects.all()
    rows.update(created_at=timezone.now() - longest + timedelta(minutes=1))
    assert remove_outdated_data() == 0
    rows.update(created_at=timezone.now() - longest - timedelta(seconds=1))
    assert remove_outdated_data() == 1
    assert [str(row) for row in rows.all()] == [".algo/perm"]


def test_deleted_algorithm_takes_its_files_of_every_user_with_it(
    author: Caller, python_environment: Environment
) -> None:
    gone, kept = make_algorithm(author.user, "Gone"), make_algorithm(author.user, "Kept")
    for principal in (author, make_caller("other")):
        for algorithm in (gone, kept):
            put(make_run(principal, author, algorithm.id), PERM)
    run = make_run(author, author, gone.id)
    delete_algorithm(algorithm=gone)
    left = Collection.objects.values_list("algorithm_id", flat=True)
    assert set(left) == {kept.id} and len(left) == 2
    assert HostedFile.objects.exclude(collection=None).count() == 2
    # It may still be running.
    with pytest.raises(AlgorithmNotFound):
        open_system_collection(principal=run, place=PERM)


def test_algorithm_deleted_while_its_runs_write_leaves_nothing(
    author: Caller, python_environment: Environment
) -> None:
    for round_ in range(5):
        algorithm = make_algorithm(author.user, f"Gone{round_}")
        callers = [make_caller(f"u{round_}x{number}") for number in range(4)]
        runs = [make_run(caller, author, algorithm.id) for caller in callers]

        def write(run: Principal) -> None:
            try:
                put(run, PERM)
            except (AlgorithmNotFound, CollectionNotFound):
                pass

        failures = at_once(
            *(lambda run=run: write(run) for run in runs),
            lambda algorithm=algorithm: delete_algorithm(algorithm=algorithm),
        )
        assert failures == []
        assert not Collection.objects.exists()
        assert not HostedFile.objects.exclude(collection=None).exists()


def test_queries_are_few(run: Principal, user: Caller, django_assert_max_num_queries) -> None:
    for place in (SESSION, TEMP, PERM):
        put(run, place)
        with django_assert_max_num_queries(1):
            list_system_files_for(run, place, "")
        with django_assert_max_num_queries(1):
            get_system_file_for(run, SystemFile(place, "f"))
        with django_assert_max_num_queries(1):
            open_system_collection(principal=run, place=place)
    with django_assert_max_num_queries(2):
        list_system_files_for(user.principal, LONG, "")
    with django_assert_max_num_queries(2):
        get_system_file_for(user.principal, SystemFile(LONG, "f"))
    with django_assert_max_num_queries(3):
        list_system_folder_for(user.principal, SystemFolder("author"), "")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "user", "name": "x"},
        {"kind": "session", "read_acl": "private"},
        {"kind": "session", "session_id": uuid4(), "read_acl": "public"},
        {"kind": "session", "session_id": uuid4(), "read_acl": "private", "name": "x"},
        {"kind": "temp", "algorithm_id": uuid4(), "read_acl": "private"},
        {"kind": "other", "name": "x"},
    ],
)
def test_rows_of_no_kind_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Collection.objects.create(**fields)
