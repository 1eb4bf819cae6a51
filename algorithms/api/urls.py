"""Routes below /v1 that this app answers."""

from django.urls import path

from algorithms.api import (
    administration,
    approvals,
    environments,
    error_logs,
    explain,
    listings,
    requests,
    scm,
    secrets,
    usage,
    views,
    webhooks,
)
from algorithms.api.lookup import algorithm_routes

_OF_ALGORITHMS = algorithm_routes(
    ("", views.AlgorithmView.as_view(), "algorithm-detail"),
    ("/compile", views.CompileView.as_view(), "algorithm-compile"),
    ("/builds", views.BuildListView.as_view(), "build-list"),
    ("/builds/<str:build_id>", views.BuildView.as_view(), "build-detail"),
    ("/builds/<str:build_id>/logs", views.BuildLogView.as_view(), "build-logs"),
    ("/versions", views.VersionListView.as_view(), "version-list"),
    # The Java and Node clients publish here (wire.md 5).
    ("/version", views.VersionListView.as_view(http_method_names=["post"]), "version-publish"),
    ("/versions/<str:git_hash>", views.VersionView.as_view(), "version-detail"),
    (
        "/versions/<str:number>/approve",
        approvals.ApproveView.as_view(),
        "version-approve",
    ),
    ("/versions/<str:number>/refuse", approvals.RefuseView.as_view(), "version-refuse"),
    ("/log", views.CommitListView.as_view(), "commit-list"),
    ("/scm/status", scm.ScmStatusView.as_view(), "scm-status"),
    ("/scm/webhook", scm.ScmWebhookView.as_view(), "scm-webhook"),
    ("/errors", error_logs.AlgorithmErrorListView.as_view(), "error-list"),
    ("/secrets", secrets.SecretListView.as_view(), "secret-list"),
    ("/secrets/<uuid:secret_id>", secrets.SecretView.as_view(), "secret-detail"),
)

urlpatterns = [
    *_OF_ALGORITHMS,
    path("secret-provider", secrets.SecretProviderListView.as_view(), name="secret-provider-list"),
    path("admin/secret-provider", secrets.ProviderAdministrationListView.as_view()),
    path("admin/secret-provider/<str:provider_id>", secrets.ProviderAdministrationView.as_view()),
    path("admin/plugins/secret-provider/<str:provider_id>", secrets.ProviderPluginView.as_view()),
    path(
        "admin/plugins/secret-provider/<str:provider_id>/default",
        secrets.ProviderPluginView.as_view(http_method_names=["post"]),
    ),
    path("explain", explain.ExplainView.as_view(), name="explain"),
    path("algorithms/<str:owner>", views.AlgorithmListView.as_view(), name="algorithm-list"),
    path("users/<str:username>/algorithms", listings.AccountAlgorithmListView.as_view()),
    path(
        "organizations/<str:organization>/approvals",
        approvals.ApprovalListView.as_view(),
        name="approval-list",
    ),
    path(
        "organizations/<str:organization>/utility-algorithms",
        listings.OrganizationAlgorithmListView.as_view(),
    ),
    path("users/<str:user_id>/errors", error_logs.AccountErrorListView.as_view()),
    path("organizations/<str:organization>/errors", error_logs.OrganizationErrorListView.as_view()),
    path("admin/algorithms/<str:owner>/<str:name>", administration.AlgorithmView.as_view()),
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
    path("admin/usage", usage.UsageView.as_view(), name="usage"),
    path("admin/usage/users", usage.CallerUsageView.as_view(), name="caller-usage"),
    path("admin/usage/algorithms", usage.AlgorithmUsageView.as_view(), name="algorithm-usage"),
    path("admin/legacy-algorithms", usage.LegacyAlgorithmListView.as_view()),
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
    path(
        "algorithm-environments/edge/environments/available",
        environments.AvailableEnvironmentListView.as_view(),
        name="available-environment-list",
    ),
    path(
        "algorithm-environments/edge/environment-specifications/<str:specification_id>",
        environments.EnvironmentSpecificationView.as_view(),
    ),
    path(
        "algorithm-environments/edge/environment-specifications/<str:specification_id>/syncs",
        environments.EnvironmentSyncView.as_view(),
    ),
]
