"""Routes of the pages about organizations."""

from django.urls import path
from django.views.decorators.cache import never_cache

from orgs.web import keys, members, organizations, views

_ONE = "organizations/<str:organization>"

urlpatterns = [
    path("invitations/<str:token>", views.invitation, name="invitation"),
    path("user/invitations", never_cache(views.InvitationsView.as_view()), name="invitations"),
    path("organizations", organizations.organizations, name="organizations"),
    path("organizations/new", organizations.new_organization, name="org-new"),
    path(_ONE, organizations.overview, name="org"),
    path(f"{_ONE}/members", members.members, name="org-members"),
    path(f"{_ONE}/members/<str:username>/role", members.change_role, name="org-role"),
    path(f"{_ONE}/members/<str:username>/remove", members.remove, name="org-remove"),
    path(f"{_ONE}/invitations", members.invitations, name="org-invitations"),
    path(f"{_ONE}/invitations/new", members.new_invitation, name="org-invite"),
    path(
        f"{_ONE}/invitations/<uuid:invitation_id>", members.answer_invitation, name="org-invitation"
    ),
    path(f"{_ONE}/keys", keys.keys, name="org-keys"),
    path(f"{_ONE}/keys/new", keys.new_key, name="org-key-new"),
    path(f"{_ONE}/keys/made", keys.key_made, name="org-key-made"),
    path(f"{_ONE}/keys/<uuid:key_id>/revoke", keys.revoke, name="org-key-revoke"),
    path(f"{_ONE}/settings", organizations.settings, name="org-settings"),
    path(f"{_ONE}/delete", organizations.delete, name="org-delete"),
]
