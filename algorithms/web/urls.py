"""Routes of the pages about algorithms."""

from django.urls import path

from algorithms.approvals import approve_version, refuse_version
from algorithms.web import (
    approvals,
    builds,
    catalogue,
    comparing,
    creation,
    errors,
    overview,
    publishing,
    remotes,
    reports,
    secrets,
    settings,
    source,
    source_edits,
    usage,
    versions,
)

_ONE = "algorithms/<str:owner>/<str:name>"
_BUILD = f"{_ONE}/builds/<str:build_id>"
_VERSION = f"{_ONE}/versions/<str:number>"
_SECRET = f"{_ONE}/secrets/<uuid:secret_id>"

urlpatterns = [
    path("organizations/<str:organization>/approvals", approvals.approvals, name="org-approvals"),
    path(
        "organizations/<str:organization>/approvals/<uuid:approval_id>",
        approvals.decide,
        name="org-approval",
    ),
    path("organizations/<str:organization>/reports", reports.reports, name="org-reports"),
    path("algorithms", catalogue.catalogue, name="algorithms"),
    path("algorithms/new", creation.new_algorithm, name="algorithm-new"),
    path("algorithms/new/name", creation.told_name, name="algorithm-new-name"),
    path(_ONE, overview.overview, name="algorithm"),
    path(f"{_ONE}/docs", overview.docs, name="algorithm-docs"),
    path(f"{_ONE}/source", source.browse, name="algorithm-source"),
    path(f"{_ONE}/source/raw", source.download, name="algorithm-source-raw"),
    path(f"{_ONE}/source/history", source.history, name="algorithm-source-history"),
    path(f"{_ONE}/source/commits/<str:sha>", source.commit, name="algorithm-source-commit"),
    path(f"{_ONE}/source/edit", source_edits.edit, name="algorithm-source-edit"),
    path(f"{_ONE}/source/new", source_edits.new_file, name="algorithm-source-new"),
    path(f"{_ONE}/source/rename", source_edits.rename, name="algorithm-source-rename"),
    path(f"{_ONE}/source/delete", source_edits.delete, name="algorithm-source-delete"),
    path(f"{_ONE}/source/build", source_edits.build_head, name="algorithm-source-build-head"),
    path(f"{_ONE}/source/fetch", remotes.fetch, name="algorithm-source-fetch"),
    path(
        f"{_ONE}/source/builds/<str:build_id>",
        source_edits.follow_build,
        name="algorithm-source-build",
    ),
    path(f"{_ONE}/builds", builds.builds, name="algorithm-builds"),
    path(_BUILD, builds.build, name="algorithm-builds-one"),
    path(f"{_BUILD}/log", builds.build_log, name="algorithm-builds-log"),
    path(f"{_BUILD}/log.txt", builds.download_log, name="algorithm-builds-download"),
    path(f"{_ONE}/versions", versions.versions, name="algorithm-versions"),
    path(f"{_ONE}/diff", comparing.diff, name="algorithm-versions-diff"),
    path(f"{_ONE}/versions/publish", publishing.publish, name="algorithm-versions-publish"),
    path(f"{_ONE}/usage", usage.usage, name="algorithm-usage"),
    path(
        f"{_VERSION}/approve",
        versions.decide,
        {"decision": approve_version},
        name="algorithm-versions-approve",
    ),
    path(
        f"{_VERSION}/refuse",
        versions.decide,
        {"decision": refuse_version},
        name="algorithm-versions-refuse",
    ),
    path(f"{_ONE}/errors", errors.errors, name="algorithm-errors"),
    path(f"{_ONE}/settings", settings.settings, name="algorithm-settings"),
    path(f"{_ONE}/settings/delete", settings.delete, name="algorithm-settings-delete"),
    path(f"{_ONE}/secrets", secrets.secrets, name="algorithm-secrets"),
    path(f"{_ONE}/secrets/new", secrets.new, name="algorithm-secrets-new"),
    path(_SECRET, secrets.change, name="algorithm-secrets-change"),
    path(f"{_SECRET}/delete", secrets.delete, name="algorithm-secrets-delete"),
]
