"""What the algorithms of an organization were called for, for its owners (spec.md 9.3)."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from algorithms.metering.usage import Period, usage_of_owner
from orgs.web.pages import managed_by, show

_PERIODS = {"1": "1 day", "7": "7 days", "30": "30 days", "90": "90 days"}
_USUAL = "7"


@login_required
def reports(request: HttpRequest, organization: str) -> HttpResponse:
    """`?days=` are those up to now, `?by=caller` groups by who called."""
    found = managed_by(request, organization)
    days = request.GET.get("days", _USUAL)
    days = days if days in _PERIODS else _USUAL
    by_caller = request.GET.get("by") == "caller"
    now = timezone.now()
    period = Period(now - timedelta(days=int(days)), now)
    said = {
        "rows": usage_of_owner(found.account, period, by_caller=by_caller),
        "periods": _PERIODS.items(),
        "days": days,
        "by_caller": by_caller,
    }
    return show(request, found, "orgs/reports.html", said)
