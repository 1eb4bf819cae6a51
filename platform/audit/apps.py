from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "algoport.audit"
    label = "audit"
    verbose_name = "Audit trail"
