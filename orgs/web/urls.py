"""Routes of the pages about organizations."""

from django.urls import path
from django.views.decorators.cache import never_cache

from orgs.web import views

urlpatterns = [
    path("invitations/<str:token>", views.invitation, name="invitation"),
    path("user/invitations", never_cache(views.InvitationsView.as_view()), name="invitations"),
]
