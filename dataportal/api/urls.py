"""Routes below /v1 that this app answers through Django."""

from django.urls import path

from dataportal.api import accesses, buckets, connectors

_ALL = "users/<str:username>/connectors"
_ONE = f"{_ALL}/<str:connector_id>"
_BUCKET = f"{_ONE}/buckets/<str:bucket>"

urlpatterns = [
    path(
        "users/<str:username>/data-accesses",
        accesses.DataAccessListView.as_view(),
        name="data-access-list",
    ),
    path(_ALL, connectors.ConnectorListView.as_view(), name="connector-list"),
    path(_ONE, connectors.ConnectorView.as_view(), name="connector-detail"),
    path(f"{_ONE}/test", connectors.ConnectorTestView.as_view(), name="connector-test"),
    path(f"{_ONE}/preview", connectors.ConnectorPreviewView.as_view(), name="connector-preview"),
    path(f"{_ONE}/buckets", buckets.BucketListView.as_view(), name="bucket-list"),
    path(f"{_BUCKET}/acl", buckets.BucketAclView.as_view(), name="bucket-acl"),
    path(f"{_BUCKET}/cors", buckets.CorsView.as_view(), name="bucket-cors"),
    path(f"{_BUCKET}/objects/acl", buckets.ObjectAclView.as_view(), name="object-acl"),
]
