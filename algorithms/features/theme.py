"""What pages look like, as far as a feature decides it."""

from collections.abc import Callable

from django.http import HttpRequest

from algoport.web.constants import THEME_COOKIE, THEMES
from algorithms.constants import FeatureName
from algorithms.features.switching import is_enabled


def theme(request: HttpRequest) -> dict[str, Callable[[], str]]:
    """Context of every template: `light`, `dark`, or nothing for what the browser prefers.

    The reader's own choice, else the feature's. Asked for by those templates only that use it.
    """

    def chosen() -> str:
        choice = request.COOKIES.get(THEME_COOKIE)
        if choice in THEMES:
            return choice
        user = getattr(request, "user", None)
        account_id = user.pk if user is not None and user.is_authenticated else None
        return "dark" if is_enabled(FeatureName.DARK_THEME, account_id) else ""

    return {"theme": chosen}
