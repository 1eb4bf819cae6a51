"""Shapes of what the endpoints of repository hosts answer (spec.md 6.2)."""

from rest_framework import serializers

from algoport.api.description import Shape
from scm.constants import Provider


class ScmUrlsShape(Shape):
    api = serializers.CharField()
    ssh = serializers.CharField()
    web = serializers.CharField()


class ScmClientShape(Shape):
    client_id = serializers.CharField()


class ScmConfigurationShape(Shape):
    """What is known of the host's client; of Bitbucket Server the project's key."""

    client_id = serializers.CharField(required=False)
    project_key = serializers.CharField(required=False)


class ScmShape(Shape):
    """A host; of the internal one there is no more than the first four."""

    id = serializers.CharField()
    provider = serializers.ChoiceField(Provider.choices)
    default = serializers.BooleanField()
    enabled = serializers.BooleanField()
    name = serializers.CharField(required=False)
    urls = ScmUrlsShape(required=False)
    oauth = ScmClientShape(required=False)
    scm = ScmConfigurationShape(required=False)


class ScmListShape(Shape):
    results = ScmShape(many=True)


class HostOrganizationShape(Shape):
    scm_org_username = serializers.CharField()
    access_level = serializers.ChoiceField(["MEMBER"])


class AuthorizationStatusShape(Shape):
    """Whose account at the host it is, and its organizations there, when it is authorized."""

    authorization_status = serializers.ChoiceField(["authorized", "unauthorized"])
    scm_username = serializers.CharField(required=False)
    scm_organizations = HostOrganizationShape(many=True, required=False)
