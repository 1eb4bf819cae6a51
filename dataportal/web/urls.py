"""Routes of the Data Portal."""

from django.urls import path

from dataportal.web import browse, buckets, changes, collections, connectors, managing, sources

_ONE = "data/connectors/<str:owner>/<str:connector_id>"
_BUCKETS = f"{_ONE}/buckets"

urlpatterns = [
    path("data", sources.SourcesView.as_view(), name="data"),
    path("data/new/collection", collections.NewCollectionView.as_view(), name="data-new"),
    path("data/browse/data/<path:rest>", browse.BrowseHostedView.as_view(), name="data-hosted"),
    path("data/browse/<path:place>", browse.BrowseConnectorView.as_view(), name="data-browse"),
    path("data/delete/<path:place>", changes.DeleteView.as_view(), name="data-delete"),
    path("data/folder/<path:place>", changes.NewFolderView.as_view(), name="data-folder"),
    path("data/access/<str:owner>/<str:name>", changes.AccessView.as_view(), name="data-access"),
    path("data/new/<slug:protocol>", connectors.NewConnectorView.as_view(), name="connector-new"),
    path(
        "data/new/<slug:protocol>/preview",
        connectors.NewConnectorPreviewView.as_view(),
        name="connector-new-preview",
    ),
    path(_ONE, managing.ConnectorView.as_view(), name="connector"),
    path(f"{_ONE}/preview", managing.PreviewView.as_view(), name="connector-preview-page"),
    path(f"{_ONE}/disconnect", managing.DisconnectView.as_view(), name="connector-disconnect"),
    path(_BUCKETS, buckets.BucketsView.as_view(), name="connector-buckets"),
    path(f"{_BUCKETS}/<str:bucket>", buckets.BucketView.as_view(), name="connector-bucket"),
    path(f"{_BUCKETS}/<str:bucket>/object", buckets.ObjectView.as_view(), name="connector-object"),
]
