"""Organizations for tests."""

from algoport.accounts.models import User
from orgs.models import Organization, OrganizationType
from orgs.services import Profile, create_organization, put_member


def make_organization(name: str, owner: User, *members: User) -> Organization:
    OrganizationType.objects.get_or_create(name="basic")
    profile = Profile(label=name, contact_name=owner.username, email="info@example.com")
    organization = create_organization(name=name, profile=profile, creator_id=owner.id)
    for member in members:
        put_member(organization=organization, username=member.username, role=None)
    return organization
