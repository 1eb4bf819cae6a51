"""/metrics is for administrators only."""

import pytest
from rest_framework.test import APIClient

from algoport.accounts.constants import KeyType
from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.accounts.services import create_key

pytestmark = pytest.mark.django_db


def ask(header: str | None) -> tuple[int, str]:
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    answer = client.get("/metrics")
    return answer.status_code, answer.content.decode()


@pytest.fixture
def staff(demo: User) -> User:
    demo.is_staff = True
    demo.save()
    return demo


def test_an_admin_key_reads_them(staff: User) -> None:
    key = create_key(owner=staff, label="a", scopes=EVERYTHING, key_type=KeyType.ADMIN)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Simple {key.secret}")
    answer = client.get("/metrics", HTTP_ACCEPT="application/openmetrics-text")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE algoport_calls_total counter" in answer.content.decode()
    staff.is_staff = False
    staff.save()
    assert ask(f"Simple {key.secret}")[0] == 401


@pytest.mark.parametrize(("header", "code"), [(None, 2002), ("Simple simunknown", 2002)])
def test_nobody_is_refused(header: str | None, code: int) -> None:
    status, body = ask(header)
    assert status == 401 and f'"code":{code}' in body


def test_a_standard_key_is_refused_even_of_staff(staff: User) -> None:
    key = create_key(owner=staff, label="s", scopes=EVERYTHING)
    status, body = ask(f"Simple {key.secret}")
    assert status == 403 and '"code":2001' in body and "algoport_" not in body
