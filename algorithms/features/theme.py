"""What pages look like, as far as a feature decides it."""

from collections.abc import Callable

from django.http import HttpRequest

from algorithms.constants import FeatureName
from algorithms.features.switching import is_enabled


def theme(request: HttpRequest) -> dict[str, Callable[[], bool]]:
    """Context of every template: whether pages are dark, whatever the browser prefers.

    Asked for by those templates only that use it.
    """

    def dark() -> bool:
        user = getattr(request, "user", None)
        account_id = user.pk if user is not None and user.is_authenticated else None
        return is_enabled(FeatureName.DARK_THEME, account_id)

    return {"dark_theme": dark}
