"""Routes of the pages about algorithms."""

from django.urls import path

from algorithms.web import catalogue, creation, overview, source

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
]
