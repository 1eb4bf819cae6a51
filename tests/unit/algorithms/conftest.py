"""An algorithm with a version, and who calls it."""

from collections.abc import Callable

import pytest

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algorithms.models import Environment, Version
from tests.factories.accounts import make_principal
from tests.factories.algorithms import make_algorithm, make_version


@pytest.fixture
def version(demo: User, python_environment: Environment) -> Version:
    """The public version of demo/Hello."""
    return make_version(make_algorithm(demo))


@pytest.fixture
def caller(make_user: Callable[[str], User]) -> Principal:
    return make_principal(make_user("guest"))
