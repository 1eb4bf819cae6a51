"""Routes below /v1 that this app answers."""

from django.urls import path

from algoport.configuration.api import views
from algoport.configuration.constants import ImageKind

urlpatterns = [
    *(
        path(f"config/{kind}", views.ImageView.as_view(kind=kind), name=f"site-{kind}")
        for kind in ImageKind
    ),
    path("config/frontend", views.EntryListView.as_view(), name="frontend-entry-list"),
    path("config/frontend/<str:keyname>", views.EntryView.as_view(), name="frontend-entry"),
]
