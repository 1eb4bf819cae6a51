"""Settings of the web server; `manage.py up` adds `--bind` with the socket that it listens on.

On its own: gunicorn -c gunicorn.conf.py algoport.asgi:application
"""

import ctypes
import functools
import gc
import importlib
import os
import signal
from pathlib import Path
from typing import Any

import algoport  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")

import django
from django.conf import settings
from gunicorn.glogging import Logger

from algoport.http.server_errors import use_envelope
from algoport.logs import configure

# Before gunicorn's first line; Django does the same again when it is set up.
configure(settings.LOGGING)


class PlatformLogger(Logger):
    """gunicorn's lines go where all others go."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True


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
graceful_timeout = settings.DRAIN_SECONDS
# The largest that gunicorn allows: data paths may be long.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380

loglevel = settings.ALGOPORT_LOG_LEVEL
# 6000 lines a second would say less than the metrics do.
accesslog = None
logger_class = PlatformLogger
errorlog = "-"
control_socket_disable = True
# A heartbeat on a busy disk can block the event loop.
_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn unlinks its file at once)
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None

_PR_SET_PDEATHSIG = 1
# A client that has its answer sends the next request at once, often before the server is done with
# the last one. What the parser holds of it until then is 64 kB by default; past that gunicorn
# closes the connection without an answer (docs/adr/0005).
_EARLY_REQUEST_BYTES = 8 * 1024 * 1024
# What algoport.asgi imports, without what it makes.
SHARED_MODULES = (
    "algoport.celery",
    "algoport.http.django_handler",
    "algoport.http.static_files",
    "algoport.urls",
    "algorithms.api.call_plane",
    "dataportal.api.data_plane",
    "scm.api.git_plane",
)


def on_starting(server: Any) -> None:
    """Import what every worker needs once; the workers share the memory of it.

    Not `preload_app`: the application itself must be made in each worker, because it holds an
    identity and connections.
    """
    django.setup()
    for name in SHARED_MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Let uploads follow an answer on the same connection however quickly they come."""
    from gunicorn.asgi.protocol import ASGIProtocol

    if not ASGIProtocol._check_h1c_protocol_available():
        raise RuntimeError("gunicorn_h1c is not installed: run `make setup`")
    ASGIProtocol._h1c_protocol_class = functools.partial(
        ASGIProtocol._h1c_protocol_class, limit_remaining=_EARLY_REQUEST_BYTES
    )
    use_envelope(ASGIProtocol)


def post_fork(server: Any, worker: Any) -> None:
    """A worker whose master was killed holds the socket that its successor needs."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server.pid:
        os.kill(os.getpid(), signal.SIGKILL)
