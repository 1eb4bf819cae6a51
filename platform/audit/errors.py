"""What keeps an act from being recorded, and so from being done."""

from algoport.errors import PlatformError


class AuditTrailDamaged(PlatformError):
    """The row that the next entry follows is not there: somebody has removed it.

    `manage.py verify_audit` tells what is left; nothing is changed until it is restored.
    """

    message = "The audit trail has lost its head. Run `manage.py verify_audit`."
