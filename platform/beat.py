"""The Celery application of the clock: it sends names of tasks, and loads none of their code."""

import os

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

# Without Django's fix-up nothing is set up but the settings: half of the memory.
app = Celery("algoport", fixups=())
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def configure_logging(**kwargs: object) -> None:
    """Log as the settings say, not as Celery would."""
    from algoport.logs import configure

    configure(settings.LOGGING)
