"""Every route that Django answers."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path

from algoport.accounts.api.authentication import MayAdminister
from algoport.accounts.web.impersonation import stop_impersonation
from algoport.api import unbuilt
from algoport.api.exception_handler import not_found
from algoport.api.specification import SpecificationView, api_reference
from algoport.web.views import MetricsView, ReadinessView, choose_theme, health
from algorithms.admin.dashboard import dashboard, dashboard_figures
from algorithms.admin.runners import runners
from algorithms.web.home import home

handler400 = "algoport.web.refusals.bad_request"
handler404 = "algoport.api.exception_handler.page_not_found"
handler429 = "algoport.accounts.web.views.too_many_attempts"
handler500 = "algoport.api.exception_handler.server_error"

# One way in for all pages, so that a second factor cannot be passed by.
admin.site.login = secure_admin_login(admin.site.login)

urlpatterns = [
    path("", home, name="home"),
    path("theme", choose_theme, name="theme"),
    path("healthz", health, name="health"),
    path("readyz", ReadinessView.as_view(), name="readiness"),
    path("metrics", MetricsView.as_view(permission_classes=[MayAdminister]), name="metrics"),
    path("admin/", admin.site.admin_view(dashboard)),
    path("admin/figures/", admin.site.admin_view(dashboard_figures), name="admin-figures"),
    path("admin/runners/", admin.site.admin_view(runners), name="admin-runners"),
    path("admin/", admin.site.urls),
    path("impersonation/stop", stop_impersonation, name="impersonation-stop"),
    path("developers/api", api_reference, name="api-reference"),
    path("v1/openapispec", SpecificationView.as_view(), name="openapispec"),
    path("", include("algoport.accounts.web.urls")),
    path("", include("algoport.notifications.web.urls")),
    path("", include("orgs.web.urls")),
    path("", include("scm.web.urls")),
    path("", include("dataportal.web.urls")),
    path("", include("algorithms.web.urls")),
    path("v1/", include("algoport.accounts.api.urls")),
    path("v1/", include("algoport.notifications.api.urls")),
    path("v1/", include("algoport.configuration.api.urls")),
    path("v1/", include("orgs.api.urls")),
    path("v1/", include("scm.api.urls")),
    path("v1/", include("dataportal.api.urls")),
    path("v1/", include("algorithms.api.urls")),
    path("v1/", include(unbuilt.patterns(administrators=MayAdminister))),
    re_path(r"^v1(?:/(?P<unmatched>.*))?$", not_found),
]
