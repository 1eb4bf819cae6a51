"""Routes of the pages about algorithms."""

from django.urls import path

from algorithms.web import catalogue, creation, overview, source, source_edits

_ONE = "algorithms/<str:owner>/<str:name>"

urlpatterns = [
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
    path(
        f"{_ONE}/source/builds/<str:build_id>",
        source_edits.follow_build,
        name="algorithm-source-build",
    ),
]
