from django.contrib.admin.apps import AdminConfig


class PortalConfig(AdminConfig):
    """Django's admin, with our site in place of its own."""

    default = False
    default_site = "algoport.accounts.web.site.PortalSite"
