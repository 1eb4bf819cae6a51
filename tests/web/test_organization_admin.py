"""Organizations and their types in the admin site."""

import pytest
from django.test import Client

from algoport.accounts.models import User
from algoport.accounts.services import create_user
from orgs.models import Organization, OrganizationType
from tests.factories.organizations import make_organization

pytestmark = pytest.mark.django_db

LIST = "/admin/orgs/organization/"
TYPES = "/admin/orgs/organizationtype/"


@pytest.fixture
def root() -> User:
    return create_user(username="root", email="root@example.com", staff=True)


@pytest.fixture
def staff(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def makers(root: User) -> Organization:
    return make_organization("makers", root)


def test_organizations_are_listed_and_searched(
    staff: Client, makers: Organization, root: User
) -> None:
    make_organization("others", root)
    page = staff.get(LIST).content.decode()
    assert "makers" in page and "others" in page
    page = staff.get(LIST, {"q": "makers"}).content.decode()
    assert "makers" in page and "others" not in page


def test_an_organization_is_changed_and_its_row_never_deleted(
    staff: Client, makers: Organization
) -> None:
    one = f"{LIST}{makers.pk}/change/"
    given = {
        "label": "Changed",
        "contact_name": "demo",
        "email": "makers@example.com",
        "url": "",
        "type": str(makers.type_id),
        "external_id": "idp-7",
    }
    assert staff.post(one, given).status_code == 302
    makers.refresh_from_db()
    assert (makers.label, makers.external_id) == ("Changed", "idp-7")
    assert staff.post(f"{LIST}{makers.pk}/delete/").status_code == 403


def test_types_are_made_and_deleted_while_nobody_uses_them(
    staff: Client, makers: Organization
) -> None:
    assert staff.post(f"{TYPES}add/", {"name": "team"}).status_code == 302
    team = OrganizationType.objects.get(name="team")
    assert staff.post(f"{TYPES}{team.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not OrganizationType.objects.filter(name="team").exists()
    page = staff.post(f"{TYPES}{makers.type_id}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert OrganizationType.objects.filter(pk=makers.type_id).exists()
