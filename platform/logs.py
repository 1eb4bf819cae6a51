"""How log lines are written: one JSON object each, or a line for people; secrets are masked."""

import json
import logging
import logging.config
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from algoport.http.tracing import current_trace

MASK = "***"
# An API key (accounts.constants.KEY_PREFIX), also as it stands in an address.
_KEY = re.compile(r"(?<![A-Za-z0-9])sim(?:[A-Za-z0-9+/]|%2[BbFf]){25}")
# What follows a header's name, in a dict, a list of pairs or a line of HTTP.
_HEADER = re.compile(
    r"""(?i)((?:proxy-)?authorization['"]?\s*[:=,]\s*(?:b?['"])?)(?:(?:simple|basic|bearer)\s+)?"""
    r"""[^\s'",;)\]}]+"""
)
_SCHEME = re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{16,}")
_USERINFO = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
# What signs a request to a storage: in its address, or in a header with several parts.
_SIGNED = re.compile(
    r"(?i)((?<![a-z])(?:sig|signature|credential|security-token|access_token)=)"
    r"""[^&,\s'"]+"""
)
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def mask_secrets(text: str) -> str:
    """The text without API keys, credentials of headers, and passwords and such in addresses."""
    text = _HEADER.sub(rf"\1{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _SIGNED.sub(rf"\1{MASK}", text)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    return _KEY.sub(MASK, text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; `process` says what part of the platform speaks."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": time.removesuffix("+00:00") + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask_secrets(record.getMessage()),
            "process": self._process,
            "pid": record.process,
        }
        trace = current_trace.get()
        if trace is not None:
            entry |= {"request_id": trace.text, "session_id": trace.session.text}
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = mask_secrets(self.formatException(record.exc_info))
        if record.stack_info:
            entry["stack"] = mask_secrets(self.formatStack(record.stack_info))
        return json.dumps(entry)


class LineFormatter(logging.Formatter):
    """A line for people, with the request it belongs to at its end."""

    def __init__(self) -> None:
        super().__init__(_LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        trace = current_trace.get()
        return line if trace is None else f"{line} [{trace.text}]"

    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))


def configure(config: Mapping[str, Any]) -> None:
    """Log as the settings say, also warnings and exceptions that nobody has caught."""
    logging.config.dictConfig(dict(config))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _log_uncaught(
    kind: type[BaseException], exc: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, traceback)
        return
    logging.getLogger("algoport").critical("uncaught", exc_info=(kind, exc, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread is not None else "?"
    exc = args.exc_value
    logging.getLogger("algoport").error("uncaught in thread %s", name, exc_info=exc)


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    what = args.err_msg or "exception ignored"
    logging.getLogger("algoport").error("%s: %r", what, args.object, exc_info=args.exc_value)
