"""Routes of the pages about repository hosts."""

from django.urls import path

from scm.web import views

urlpatterns = [
    path("user/source-hosts", views.source_hosts, name="source-hosts"),
    path("user/source-hosts/<str:scm_id>/revoke", views.disconnect, name="source-hosts-disconnect"),
]
