"""Shapes of what the algorithm endpoints answer (spec.md appendix B)."""

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from algoport.api.description import ErrorShape, Shape
from algorithms.constants import (
    ApprovalState,
    AsyncState,
    BuildState,
    Callability,
    DeliveryState,
    License,
    MachineType,
    NetworkAccess,
    ReservedVersion,
    SourceState,
    Visibility,
)
from scm.api.shapes import ScmShape


class DetailsShape(Shape):
    label = serializers.CharField()
    summary = serializers.CharField(required=False)
    tagline = serializers.CharField(required=False)


class SettingsShape(Shape):
    """With the environment in the form in which it was named."""

    algorithm_callability = serializers.ChoiceField(Callability.choices)
    source_visibility = serializers.ChoiceField(Visibility.choices)
    language = serializers.CharField(required=False)
    environment = serializers.ChoiceField(MachineType.choices, required=False)
    package_set = serializers.CharField(required=False)
    algorithm_environment = serializers.UUIDField(required=False)
    license = serializers.ChoiceField(License.choices)
    network_access = serializers.ChoiceField(NetworkAccess.choices)
    pipeline_enabled = serializers.BooleanField()
    royalty_microcredits = serializers.IntegerField(required=False)
    insights_enabled = serializers.BooleanField(required=False)


class SourceShape(Shape):
    """Where the source is; the addresses are of repositories at other hosts."""

    repository_https_url = serializers.URLField(required=False)
    repository_name = serializers.CharField(required=False)
    repository_owner = serializers.CharField(required=False)
    repository_ssh_url = serializers.CharField(required=False)
    scm = ScmShape()


class BuildVersionShape(Shape):
    semantic_version = serializers.CharField()


class BuildShape(Shape):
    build_id = serializers.UUIDField()
    commit_sha = serializers.CharField()
    finished_at = serializers.DateTimeField(required=False)
    resource_type = serializers.CharField()
    started_at = serializers.DateTimeField()
    status = serializers.ChoiceField(BuildState.choices)
    version_info = BuildVersionShape(required=False)


class CompilationShape(Shape):
    output = serializers.CharField(allow_blank=True)
    successful = serializers.BooleanField()


class VersionInfoShape(Shape):
    """Of a build that is not published, the commit is all there is to tell."""

    git_hash = serializers.CharField()
    semantic_version = serializers.CharField(required=False)
    release_notes = serializers.CharField(required=False)
    sample_input = serializers.CharField(required=False)
    sample_output = serializers.CharField(required=False)
    insights_enabled = serializers.BooleanField(required=False)
    approval = serializers.ChoiceField([ApprovalState.HELD, ApprovalState.REFUSED], required=False)
    version_uuid = serializers.UUIDField(required=False)


class CreatedAlgorithmShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    details = DetailsShape()
    settings = SettingsShape()
    source = SourceShape()
    self_link = serializers.URLField()
    resource_type = serializers.CharField()


class AlgorithmShape(CreatedAlgorithmShape):
    """With its newest version that the caller may see, if there is one."""

    build = BuildShape(required=False)
    compilation = CompilationShape(required=False)
    version_info = VersionInfoShape(required=False)


class VersionShape(CreatedAlgorithmShape):
    """An algorithm at one of its builds."""

    build = BuildShape()
    compilation = CompilationShape()
    version_info = VersionInfoShape()


class NoSuchAlgorithmShape(Shape):
    """One client compares the whole body (wire.md 5)."""

    error = serializers.CharField()


MissingAlgorithmShape = PolymorphicProxySerializer(
    "MissingAlgorithm", [NoSuchAlgorithmShape, ErrorShape], resource_type_field_name=None
)


class BuildLogShape(Shape):
    logs = serializers.CharField(allow_blank=True)


class CommitShape(Shape):
    id = serializers.CharField()
    short_message = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    author = serializers.CharField(allow_blank=True)


class CommitLogShape(Shape):
    commits = CommitShape(many=True)


class NamedAlgorithmShape(Shape):
    id = serializers.UUIDField()
    algoname = serializers.CharField()
    username = serializers.CharField()


class ApprovalShape(Shape):
    """What an owner needs to decide, and what was decided."""

    state = serializers.ChoiceField(ApprovalState.choices)
    username = serializers.CharField()
    algoname = serializers.CharField()
    algorithm_id = serializers.UUIDField()
    version_uuid = serializers.UUIDField()
    semantic_version = serializers.CharField()
    git_hash = serializers.CharField()
    release_notes = serializers.CharField(allow_blank=True)
    requested_by = serializers.CharField()
    requested_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    self_link = serializers.URLField()


class ScmStatusShape(Shape):
    """The webhook's address and secret are told of repositories at other hosts."""

    scm_connection_status = serializers.ChoiceField(SourceState.choices)
    repository_webhook_secret = serializers.CharField(required=False)
    repository_webhook_url = serializers.URLField(required=False)


class WebhookReasonShape(Shape):
    reason = serializers.CharField()


class LanguageShape(Shape):
    name = serializers.CharField()
    display_name = serializers.CharField()
    configuration = serializers.CharField(help_text="JSON text.")


class EnvironmentShape(Shape):
    id = serializers.UUIDField()
    environment_specification_id = serializers.UUIDField()
    display_name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    created_at = serializers.CharField(help_text="`2020-12-21T21:47:53.239`, in UTC.")
    language = LanguageShape()
    machine_type = serializers.ChoiceField([each.upper() for each in MachineType.values])


class EnvironmentListShape(Shape):
    environments = EnvironmentShape(many=True)


class AvailableEnvironmentShape(EnvironmentShape):
    enabled = serializers.BooleanField()


class AvailableEnvironmentListShape(Shape):
    environments = AvailableEnvironmentShape(many=True)


class LoggedErrorShape(Shape):
    created_at = serializers.IntegerField(help_text="Milliseconds since 1970.")
    request_id = serializers.CharField()
    username = serializers.CharField()
    algoname = serializers.CharField()
    algoversion = serializers.CharField(allow_blank=True)
    input = serializers.CharField(allow_blank=True)
    error = serializers.CharField()
    error_type = serializers.CharField()
    billable_to = serializers.CharField()
    worker = serializers.CharField(allow_blank=True)


class FeatureShape(Shape):
    name = serializers.CharField()
    enabled = serializers.BooleanField()


class ReservationShape(Shape):
    """`version_hash` is the commit that is kept ready now, empty when there is none."""

    reservation_id = serializers.UUIDField()
    billable_to = serializers.CharField()
    billable_to_uuid = serializers.UUIDField()
    algoname = serializers.CharField()
    username = serializers.CharField()
    version_type = serializers.ChoiceField(ReservedVersion.choices)
    num_slots = serializers.IntegerField()
    algo_id = serializers.UUIDField()
    algorithm_id = serializers.UUIDField()
    version_hash = serializers.CharField(allow_blank=True)


class RequestErrorShape(Shape):
    message = serializers.CharField()
    error_type = serializers.CharField()


class RequestMetadataShape(Shape):
    content_type = serializers.CharField()
    duration = serializers.FloatField()
    expired = serializers.BooleanField(required=False)


class RequestHeadShape(Shape):
    request_id = serializers.CharField()
    session_id = serializers.CharField()
    algorithm = serializers.CharField()
    state = serializers.ChoiceField(AsyncState.choices)
    accepted_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    tries = serializers.IntegerField()
    attempts_allowed = serializers.IntegerField()


class RequestShape(RequestHeadShape):
    """With the result of one that is finished, or the error of one that ended otherwise."""

    result = serializers.JSONField(required=False, allow_null=True)
    metadata = RequestMetadataShape(required=False)
    error = RequestErrorShape(required=False)


class AttemptShape(Shape):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class DeliveryShape(Shape):
    webhook_id = serializers.CharField()
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    last_attempt = AttemptShape(allow_null=True)


class RequestWebhookShape(Shape):
    webhook = serializers.CharField(allow_null=True)
    deliveries = DeliveryShape(many=True)


class SecretStateShape(Shape):
    exists = serializers.BooleanField()
    made_at = serializers.DateTimeField(allow_null=True)


class NewSecretShape(Shape):
    secret = serializers.CharField()


class SecretShape(Shape):
    """A secret of an algorithm, without its value."""

    id = serializers.UUIDField()
    short_name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    secret_key = serializers.CharField(help_text="The environment variable.")
    owner_type = serializers.CharField()
    owner_id = serializers.UUIDField(help_text="The algorithm.")
    provider_id = serializers.UUIDField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()


class SecretListShape(Shape):
    """The same list under either of the names that clients look for."""

    results = SecretShape(many=True)
    secrets = SecretShape(many=True)


class SecretProviderShape(Shape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    moduleName = serializers.CharField()
    factoryClassName = serializers.CharField()
    interfaceVersion = serializers.CharField()
    isEnabled = serializers.BooleanField()
    isDefault = serializers.BooleanField()
    created = serializers.DateTimeField()
    modified = serializers.DateTimeField()


class UsageSumsShape(Shape):
    """Seconds are whole ones: those of each call are rounded up, and are one at least."""

    total_calls = serializers.CharField(help_text="A number.")
    total_errors = serializers.IntegerField()
    total_error_duration = serializers.FloatField()
    total_duration = serializers.FloatField()


class CallerUsageShape(UsageSumsShape):
    caller = serializers.CharField()


class AlgorithmUsageShape(UsageSumsShape):
    algorithm_called = serializers.CharField()
    algorithm_version = serializers.CharField()
    algorithm_owner = serializers.CharField(allow_blank=True)
    machine_type = serializers.ChoiceField(MachineType.values)


class UsageShape(AlgorithmUsageShape, CallerUsageShape):
    pass


class UsagePageShape(Shape):
    """`next_marker` leads to the next page and is null at the end."""

    results = UsageShape(many=True)
    next_marker = serializers.CharField(allow_null=True)


class CallerUsagePageShape(Shape):
    results = CallerUsageShape(many=True)
    next_marker = serializers.CharField(allow_null=True)


class AlgorithmUsagePageShape(Shape):
    results = AlgorithmUsageShape(many=True)
    next_marker = serializers.CharField(allow_null=True)


class LegacyAlgorithmListShape(Shape):
    results = serializers.ListField(child=serializers.DictField(), max_length=0)
