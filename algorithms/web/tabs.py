"""The tabs of an algorithm's page: the one list of them, and who sees which."""

from dataclasses import dataclass

from algoport.accounts.permissions import Action, Principal, can
from algorithms.models import Algorithm
from algorithms.selectors import resource_of


@dataclass(frozen=True, slots=True)
class Tab:
    """A page about an algorithm: the name of its URL, and what one has to be allowed to see it.

    URLs whose names begin with this one's and a hyphen belong to the tab; those of the first tab
    are its own only.
    """

    label: str
    url_name: str
    action: Action


TABS = (
    Tab("Overview", "algorithm", Action.SEE_ALGORITHM),
    Tab("Docs", "algorithm-docs", Action.SEE_ALGORITHM),
    Tab("Source", "algorithm-source", Action.READ_SOURCE),
    Tab("Builds", "algorithm-builds", Action.SEE_BUILDS),
    Tab("Versions", "algorithm-versions", Action.SEE_ALGORITHM),
    Tab("Usage", "algorithm-usage", Action.SEE_ALGORITHM_USAGE),
    Tab("Errors", "algorithm-errors", Action.SEE_ALGORITHM_ERRORS),
    Tab("Settings", "algorithm-settings", Action.MANAGE_ALGORITHM),
    Tab("Secrets", "algorithm-secrets", Action.MANAGE_SECRETS),
)


@dataclass(frozen=True, slots=True)
class ShownTab:
    tab: Tab
    is_current: bool


def tabs_for(principal: Principal, algorithm: Algorithm, url_name: str) -> list[ShownTab]:
    """Those that `principal` may see; the one that `url_name` belongs to is current."""
    resource = resource_of(algorithm, public=algorithm.has_public_version)
    return [
        ShownTab(tab, _belongs(url_name, tab))
        for tab in TABS
        if can(principal, tab.action, resource)
    ]


def _belongs(url_name: str, tab: Tab) -> bool:
    below = tab is not TABS[0] and url_name.startswith(f"{tab.url_name}-")
    return url_name == tab.url_name or below
