"""Routes of the pages about algorithms."""

from django.urls import path

from algorithms.web import catalogue, overview

_ONE = "algorithms/<str:owner>/<str:name>"

urlpatterns = [
    path("algorithms", catalogue.catalogue, name="algorithms"),
    path(_ONE, overview.overview, name="algorithm"),
    path(f"{_ONE}/docs", overview.docs, name="algorithm-docs"),
]
