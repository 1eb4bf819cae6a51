"""Every table of this app."""

from algorithms.models.catalog import (
    Algorithm,
    Approval,
    Build,
    BuildLogLine,
    Environment,
    Sample,
    Version,
)
from algorithms.models.categories import Category
from algorithms.models.queue import AsyncCall, WebhookDelivery, WebhookSecret
from algorithms.models.records import (
    AccountFeature,
    AlgorithmError,
    CallRecord,
    Feature,
    Reservation,
)
from algorithms.models.remotes import RemoteRepository
from algorithms.models.secrets import AlgorithmSecret

__all__ = [
    "AccountFeature",
    "Algorithm",
    "AlgorithmError",
    "AlgorithmSecret",
    "Approval",
    "AsyncCall",
    "Build",
    "BuildLogLine",
    "CallRecord",
    "Category",
    "Environment",
    "Feature",
    "RemoteRepository",
    "Reservation",
    "Sample",
    "Version",
    "WebhookDelivery",
    "WebhookSecret",
]
