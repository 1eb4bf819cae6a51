"""The Celery application of the clock: it sends names of tasks, and loads none of their code."""

import os

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

from algoport.broker import make_application

# Without Django's fix-up nothing is set up but the settings: half of the memory.
app = make_application(fixups=())
