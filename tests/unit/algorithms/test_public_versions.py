"""Whether an algorithm has a version for everybody is known of its row."""

import pytest

from algoport.accounts.models import User
from algorithms.constants import ApprovalState
from algorithms.models import Algorithm, Approval, Environment
from tests.factories.algorithms import make_algorithm, make_version


@pytest.fixture
def algorithm(demo: User, python_environment: Environment) -> Algorithm:
    return make_algorithm(demo)


def is_public(algorithm: Algorithm) -> bool:
    return Algorithm.objects.get(pk=algorithm.pk).has_public_version


def test_a_public_version_makes_it_public_for_good(algorithm: Algorithm) -> None:
    make_version(algorithm, "private")
    assert not is_public(algorithm)
    make_version(algorithm, "public")
    make_version(algorithm, "private")
    assert is_public(algorithm)
    # A copy of the row that was read before.
    assert not algorithm.has_public_version
    algorithm.label = "changed"
    algorithm.save()
    assert is_public(algorithm)


@pytest.mark.parametrize("decided", [ApprovalState.APPROVED, ApprovalState.REFUSED])
def test_an_approval_does_too(algorithm: Algorithm, decided: ApprovalState, demo: User) -> None:
    version = make_version(algorithm, "private")
    Approval.objects.create(version=version, owner=demo)
    assert not is_public(algorithm)
    Approval.objects.filter(version=version).update(state=decided)
    assert is_public(algorithm) is (decided == ApprovalState.APPROVED)
