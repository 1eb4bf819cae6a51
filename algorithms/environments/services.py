"""Which environments new algorithms may use; administrators decide."""

from django.db import transaction

from algoport.audit.recording import act
from algorithms.environments.selectors import get_environment
from algorithms.models import Environment


@transaction.atomic
def switch_environment(*, identifier: str, enabled: bool) -> Environment:
    """Algorithms that have the environment keep it, and are built and run as before.

    Raises EnvironmentNotFound.
    """
    environment = get_environment(identifier)
    action = "environment.enable" if enabled else "environment.disable"
    with act(action, environment) as done:
        if environment.enabled == enabled:
            done.nothing()
        environment.enabled = enabled
        environment.save(update_fields=["enabled"])
    return environment
