"""Routes of the Data Portal."""

from django.urls import path

from dataportal.web import collections, connectors, sources

urlpatterns = [
    path("data", sources.SourcesView.as_view(), name="data"),
    path("data/new/collection", collections.NewCollectionView.as_view(), name="data-new"),
    path("data/new/<slug:protocol>", connectors.NewConnectorView.as_view(), name="connector-new"),
    path(
        "data/new/<slug:protocol>/preview",
        connectors.NewConnectorPreviewView.as_view(),
        name="connector-new-preview",
    ),
]
