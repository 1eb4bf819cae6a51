"""Routes below /v1 that this app answers."""

from django.urls import path

from orgs.api import invitations, views

_ONE = "organizations/<str:name>"

urlpatterns = [
    path("organizations", views.OrganizationListView.as_view(), name="organization-list"),
    path(
        "organizations/externalId/<str:external_id>",
        views.ExternalOrganizationView.as_view(),
        name="organization-external",
    ),
    path(_ONE, views.OrganizationView.as_view(), name="organization"),
    path(f"{_ONE}/members", views.MemberListView.as_view(), name="member-list"),
    path(f"{_ONE}/members/<str:username>", views.MemberView.as_view(), name="member"),
    path(f"{_ONE}/members/<str:username>/keys", views.MemberKeyListView.as_view()),
    path(f"{_ONE}/keys", views.KeyListView.as_view(), name="organization-key-list"),
    path(f"{_ONE}/keys/<uuid:key_id>", views.KeyView.as_view(), name="organization-key"),
    path(
        f"{_ONE}/invitations",
        invitations.OrganizationInvitationListView.as_view(),
        name="organization-invitation-list",
    ),
    path(
        f"{_ONE}/invitations/<uuid:invitation_id>",
        invitations.OrganizationInvitationView.as_view(),
        name="organization-invitation",
    ),
    path("invitations", invitations.OwnInvitationListView.as_view(), name="invitation-list"),
    path("invitations/<uuid:invitation_id>/accept", invitations.AcceptInvitationView.as_view()),
    path("invitations/<uuid:invitation_id>/decline", invitations.DeclineInvitationView.as_view()),
    path("organization/types", views.TypeListView.as_view(), name="organization-type-list"),
    path("organization/types/<str:name>", views.TypeView.as_view(), name="organization-type"),
]
