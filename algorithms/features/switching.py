"""What administrators switch on or off, for the whole site or for one account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from algoport.accounts.selectors import get_account
from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algorithms.constants import FeatureName
from algorithms.errors import FeatureNotFound
from algorithms.models import AccountFeature, Feature


@dataclass(frozen=True, slots=True)
class Switch:
    """A feature for the site, and for the accounts for which it is another way."""

    site: bool = False
    accounts: Mapping[UUID, bool] = field(default_factory=dict)

    def is_on_for(self, account_id: UUID | None) -> bool:
        return self.site if account_id is None else self.accounts.get(account_id, self.site)


def features(username: str | None = None) -> dict[str, bool]:
    """Every feature by name, and whether it is on, for an account if one is named.

    Raises UserNotFound.
    """
    switched = dict(Feature.objects.values_list("name", "enabled"))
    if username is not None:
        own = AccountFeature.objects.filter(account=get_account(username))
        switched |= dict(own.values_list("name", "enabled"))
    return {name: switched.get(name, False) for name in FeatureName.values}


def switch_of(name: str) -> Switch:
    """The whole of a feature, for who decides by it often."""
    site = Feature.objects.filter(name=name, enabled=True).exists()
    accounts = AccountFeature.objects.filter(name=name)
    return Switch(site, dict(accounts.values_list("account_id", "enabled")))


def is_enabled(name: str, account_id: UUID | None = None) -> bool:
    """For an account, or else for the site."""
    if account_id is not None:
        own = AccountFeature.objects.filter(name=name, account_id=account_id).first()
        if own is not None:
            return own.enabled
    return Feature.objects.filter(name=name, enabled=True).exists()


@transaction.atomic
def switch_feature(*, name: str, enabled: bool, username: str | None = None) -> None:
    """Every process follows within two seconds of the commit.

    Raises FeatureNotFound, UserNotFound.
    """
    if name not in FeatureName.values:
        raise FeatureNotFound(names=", ".join(FeatureName.values))
    if username is None:
        _switch(Feature.objects.filter(name=name), {"name": name}, enabled)
    else:
        own = {"name": name, "account": get_account(username)}
        _switch(AccountFeature.objects.filter(**own), own, enabled)
    announce_change()


def _switch(rows: QuerySet[Any], values: dict[str, Any], enabled: bool) -> None:
    with act("feature.switch", rows.first()) as done:
        done.target, _ = rows.update_or_create(**values, defaults={"enabled": enabled})
