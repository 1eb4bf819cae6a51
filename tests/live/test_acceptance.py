"""The acceptance steps of `make demo`, each as a test, on a platform started as users start it."""

from collections.abc import Callable

import pytest

from tests.acceptance.crashes import CRASH_STEPS
from tests.acceptance.platform import Platform
from tests.acceptance.steps import STEPS, Say

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]


@pytest.mark.parametrize("step", [*STEPS, *CRASH_STEPS], ids=lambda step: step.__name__)
def test_step(live: Platform, step: Callable[[Platform, Say], None]) -> None:
    step(live, print)
