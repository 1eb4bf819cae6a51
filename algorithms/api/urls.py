"""Routes below /v1 that this app answers."""

from django.urls import path

from algorithms.api import (
    administration,
    environments,
    error_logs,
    requests,
    views,
    webhooks,
)

_ONE = "algorithms/<str:owner>/<str:name>"

urlpatterns = [
    # Names have no hyphens, so this is no algorithm "errors" of somebody.
    path("algorithms/<uuid:algorithm_id>/errors", error_logs.AlgorithmIdErrorListView.as_view()),
    path("algorithms/<str:owner>", views.AlgorithmListView.as_view(), name="algorithm-list"),
    path(_ONE, views.AlgorithmView.as_view(), name="algorithm-detail"),
    path(f"{_ONE}/compile", views.CompileView.as_view(), name="algorithm-compile"),
    path(f"{_ONE}/builds", views.BuildListView.as_view(), name="build-list"),
    path(f"{_ONE}/builds/<str:build_id>", views.BuildView.as_view(), name="build-detail"),
    path(f"{_ONE}/builds/<str:build_id>/logs", views.BuildLogView.as_view(), name="build-logs"),
    path(f"{_ONE}/versions", views.VersionListView.as_view(), name="version-list"),
    # The Java and Node clients publish here (wire.md 5).
    path(f"{_ONE}/version", views.VersionListView.as_view(http_method_names=["post"])),
    path(f"{_ONE}/versions/<str:git_hash>", views.VersionView.as_view(), name="version-detail"),
    path(f"{_ONE}/scm/status", views.ScmStatusView.as_view(), name="scm-status"),
    path(f"{_ONE}/errors", error_logs.AlgorithmErrorListView.as_view(), name="error-list"),
    path("users/<str:user_id>/errors", error_logs.AccountErrorListView.as_view()),
    path("organizations/<str:organization>/errors", error_logs.OrganizationErrorListView.as_view()),
    path("admin/features", administration.FeatureListView.as_view(), name="feature-list"),
    path("admin/features/<str:name>", administration.FeatureView.as_view(), name="feature"),
    path(
        "admin/reservations", administration.ReservationListView.as_view(), name="reservation-list"
    ),
    path(
        "admin/reservations/<str:reservation_id>",
        administration.ReservationView.as_view(),
        name="reservation",
    ),
    path("requests", requests.RequestListView.as_view(), name="request-list"),
    path("requests/<str:request_id>", requests.RequestView.as_view(), name="request-detail"),
    path(
        "requests/<str:request_id>/redrive",
        requests.RedriveView.as_view(),
        name="request-redrive",
    ),
    path(
        "requests/<str:request_id>/webhook",
        webhooks.WebhookView.as_view(),
        name="request-webhook",
    ),
    path(
        "requests/<str:request_id>/webhook/redeliver",
        webhooks.RedeliverView.as_view(),
        name="request-webhook-redeliver",
    ),
    path("webhooks/secret", webhooks.SecretView.as_view(), name="webhook-secret"),
    path(
        "algorithm-environments/edge/languages",
        environments.LanguageListView.as_view(),
        name="language-list",
    ),
    path(
        "algorithm-environments/edge/languages/<str:language>/environments",
        environments.LanguageEnvironmentListView.as_view(),
        name="environment-list",
    ),
    path(
        "algorithm-environments/edge/environment-specifications/<str:specification_id>/template",
        environments.TemplateView.as_view(),
        name="environment-template",
    ),
]
