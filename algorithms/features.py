"""What administrators switch on or off for the whole site."""

from django.db import transaction

from algoport.audit.recording import act
from algoport.db.changes import announce_change
from algorithms.constants import FeatureName
from algorithms.errors import FeatureNotFound
from algorithms.models import Feature


def features() -> dict[str, bool]:
    """Every feature by name, and whether it is on."""
    switched = dict(Feature.objects.values_list("name", "enabled"))
    return {name: switched.get(name, False) for name in FeatureName.values}


def is_enabled(name: str) -> bool:
    return Feature.objects.filter(name=name, enabled=True).exists()


@transaction.atomic
def switch_feature(*, name: str, enabled: bool) -> None:
    """Every process follows within two seconds of the commit. Raises FeatureNotFound."""
    if name not in FeatureName.values:
        raise FeatureNotFound(names=", ".join(FeatureName.values))
    with act("feature.switch") as done:
        done.target, _ = Feature.objects.update_or_create(name=name, defaults={"enabled": enabled})
        done.note(enabled=enabled)
    announce_change()
