"""Choices and limits of algorithms (spec.md 3)."""

from datetime import timedelta

from django.db import models

NAME_PATTERN = r"^[a-zA-Z][a-zA-Z0-9_]*\Z"
NAME_LENGTH = 30
APPROVAL_COMMENT_LENGTH = 1000
TAG_LENGTH = 30
MOST_TAGS = 10
MOST_CATEGORIES = 50
CATEGORY_TITLE_LENGTH = 60
CATEGORY_TAGLINE_LENGTH = 200
CATEGORY_DESCRIPTION_LENGTH = 5000
BRANCH = "master"
# The languages of the protocol; those without an environment here answer 4002.
KNOWN_LANGUAGES = frozenset(
    {
        "java",
        "javascript",
        "python2-langpack",
        "python2-lackpack",
        "python3-1",
        "r",
        "ruby",
        "rust",
        "scala",
    }
)
BUILD_LEASE_SECONDS = 10
BUILD_RENEWAL_SECONDS = 2
BUILD_ATTEMPTS = 2
# At once in one worker, so that builds never hold all of its threads; and of one owner.
MOST_BUILDS = 4
MOST_BUILDS_OF_OWNER = 2
BUILD_SECONDS = 900
LOAD_SECONDS = 300
# Asynchronous calls: how long one stays with a worker that says nothing, how often it says so.
ASYNC_LEASE_SECONDS = 15.0
ASYNC_RENEWAL_SECONDS = 3.0
MOST_ASYNC_CALLS = 32
# Of one account: calls that wait, and what all of them were given.
MOST_QUEUED_CALLS = 10_000
QUEUED_BYTES = 1024 * 1024 * 1024
MOST_RETRIES = 20
RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0
# A call that found no runner for so long is given up.
QUEUE_SECONDS = 24 * 3600.0
REQUESTS_KEPT = timedelta(days=7)
# Of all results that are kept for one account.
RESULT_BYTES = 1024 * 1024 * 1024
IDEMPOTENCY_KEY_LENGTH = 255
# Webhooks: an attempt is over before its lease is, or its worker is lost.
WEBHOOK_LEASE_SECONDS = 30.0
# At once: in one worker, for one account, and of that for one of its receivers, so that one which
# does not answer holds up nobody else.
MOST_WEBHOOKS = 64
MOST_WEBHOOKS_OF_ACCOUNT = 8
MOST_WEBHOOKS_OF_RECEIVER = 4
# Host and port.
RECEIVER_LENGTH = 300
# A result beyond this is fetched by the request's id.
WEBHOOK_RESULT_BYTES = 1024 * 1024
WEBHOOK_ERROR_CHARACTERS = 10_000
# How long a secret that was replaced goes on signing.
SECRET_OVERLAP = timedelta(hours=24)
# Runners kept ready per web process (spec.md 3.13): of one reservation, and of all together, so
# that calls without a reservation find places too.
MOST_SLOTS_OF_RESERVATION = 64
MOST_RESERVED_SLOTS = 48
# The error log (spec.md 3.10, 3.12): what is kept of a failure, for how long, how many of each.
ERROR_INPUT_CHARACTERS = 128
ERROR_MESSAGE_CHARACTERS = 10_000
ERROR_STACKTRACE_CHARACTERS = 20_000
ERRORS_KEPT = timedelta(days=7)
MOST_ERRORS = 200
# Of a call with all the calls below it (spec.md 3.9).
MOST_CHILD_CALLS = 24
# JSON of every client holds it as a number.
MOST_ROYALTY = 2**53 - 1
MOST_SAMPLE_CHARACTERS = 100_000
SAMPLE_SECONDS = 60
# Algorithms of one account in an array without pages.
MOST_LISTED = 1000
# What one look at a repository's history answers with.
MOST_COMMITS = 1000
# Secrets of an algorithm (spec.md 10): how many, and how large each of them is.
MOST_SECRETS = 64
SECRET_NAME_LENGTH = 200
SECRET_DESCRIPTION_LENGTH = 2000
SECRET_VARIABLE_LENGTH = 128
SECRET_VALUE_BYTES = 16 * 1024
SOURCE_BYTES = 1024 * 1024 * 1024
SOURCE_FILES = 50_000
LONGEST_LOG_CHARACTERS = 4 * 1024 * 1024


class FeatureName(models.TextChoices):
    """What an administrator switches on, for the site or for one account; each is off at first."""

    ALGORITHM_ERRORS = "algorithm-errors"
    DARK_THEME = "dark-theme-enabled"


class Callability(models.TextChoices):
    PUBLIC = "public"
    PRIVATE = "private"


class ApprovalState(models.TextChoices):
    """What an owner of the organization has decided about a member's public version."""

    HELD = "held"
    APPROVED = "approved"
    REFUSED = "refused"


class Visibility(models.TextChoices):
    OPEN = "open"
    CLOSED = "closed"


class License(models.TextChoices):
    APL = "apl"
    APACHE2 = "apache2"
    GPL3 = "gpl3"
    MIT = "mit"


class NetworkAccess(models.TextChoices):
    FULL = "full"
    ISOLATED = "isolated"


class MachineType(models.TextChoices):
    CPU = "cpu"
    GPU = "gpu"


class EnvironmentForm(models.TextChoices):
    """The way in which an algorithm named its environment, and so is shown it again."""

    LANGUAGE = "language"
    PACKAGE_SET = "package_set"
    ENVIRONMENT = "algorithm_environment"


class BuildState(models.TextChoices):
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class CallKind(models.TextChoices):
    """How a call came: from outside, from another call, or from the queue."""

    SYNC = "sync"
    CHILD = "child"
    ASYNC = "async"


class AsyncState(models.TextChoices):
    """`failed` is the algorithm's own answer; `dead` has used up its attempts without a result."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


ENDED_STATES = (AsyncState.FINISHED, AsyncState.FAILED, AsyncState.DEAD, AsyncState.CANCELLED)


class DeliveryState(models.TextChoices):
    """`failed` has used up its attempts, or its receiver wants no more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class ReservedVersion(models.TextChoices):
    """The version that a reservation keeps ready; those that move are followed."""

    LATEST_PUBLIC = "latest_public"
    LATEST_PRIVATE = "latest_private"
    LATEST_COMPILED = "latest_compiled"
    SPECIFIC_SEMANTIC = "specific_semantic"
    SPECIFIC_HASH = "specific_hash"


class VersionType(models.TextChoices):
    """Which part of the semantic version a publish raises; `revision` is `patch` (spec.md 15)."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    REVISION = "revision"
    DEFAULT = "default"


class SourceState(models.TextChoices):
    """Whether the platform reads a repository at another host (spec.md 6.2)."""

    ACTIVE = "active"
    REFUSED = "deploy_key_error"
    FAILED = "provider_internal_error"


# Repositories of other hosts that one worker fetches at the same time, how long one has, how often
# it is tried with growing pauses, and when what was not looked at since is looked at: by itself, as
# an event may have been lost, or once more. At most so many become due by themselves at once.
MOST_FETCHES = 4
FETCH_LEASE_SECONDS = 600
FETCH_ATTEMPTS = 5
FETCH_PAUSE_SECONDS = 30
FETCH_AGAIN_SECONDS = 3600
MOST_FETCHED_AGAIN = 20
