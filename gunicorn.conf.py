"""Settings of the web server; `manage.py up` adds `--bind` with the socket that it listens on.

On its own: gunicorn -c gunicorn.conf.py algoport.asgi:application
"""

import ctypes
import gc
import os
import signal
from pathlib import Path
from typing import Any

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

import django  # noqa: E402
from django.conf import settings  # noqa: E402

bind = f"{settings.ALGOPORT_HOST}:{settings.ALGOPORT_PORT}"
workers = settings.ALGOPORT_WEB_PROCESSES
worker_class = "asgi"
asgi_loop = "uvloop"
asgi_lifespan = "on"
http_parser = "fast"

# Proxies and clients with a pool keep connections for about a minute.
keepalive = 75
# For an upload that has stopped coming, and for a process whose event loop hangs; calls may take
# their 3000 s, because the loop goes on meanwhile.
timeout = 120
graceful_timeout = 5
# The largest that gunicorn allows: data paths may be long.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380

loglevel = settings.ALGOPORT_LOG_LEVEL
accesslog = None
errorlog = "-"
control_socket_disable = True
# A heartbeat on a busy disk can block the event loop.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None

_PR_SET_PDEATHSIG = 1


def on_starting(server: Any) -> None:
    """Import what every worker needs once; the workers share the memory of it.

    Not `preload_app`: the application itself must be made in each worker, because it holds an
    identity and connections.
    """
    django.setup()
    from django.core.handlers import asgi  # noqa: F401

    import algoport.celery
    import algoport.urls
    import algorithms.api.call_plane
    import dataportal.api.data_plane
    import scm.api.git_plane  # noqa: F401

    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """A worker whose master was killed holds the socket that its successor needs."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server.pid:
        os.kill(os.getpid(), signal.SIGKILL)
