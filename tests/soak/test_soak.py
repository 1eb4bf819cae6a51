"""The soak of `make soak`, at a size that fits the other tests."""

import pytest

from tests.acceptance.platform import running_platform
from tests.soak.run import soak

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(180)]


def test_nobody_sees_anybody_else() -> None:
    with running_platform() as platform:
        report = soak(platform, callers=12, algorithms=5, seconds=12)
    assert report.violations == []
    assert set(report.statuses) <= {200, 429} and report.statuses[200] > 100
