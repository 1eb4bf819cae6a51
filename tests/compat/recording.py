"""A pytest plugin that sees which test file requests which route of the API.

With `--record-requests` it writes that down in requests.json, for the files that were run whole.
Without, a run of a file fails when the file no longer requests what docs/api-compat.md names it
for.
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORD = Path(__file__).with_name("requests.json")
_OUTPUT = "algoport_requests"


class Recorder:
    """What the tests of this process have requested, and which files of tests were run whole."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}
        self.collected: dict[str, int] = {}
        self.passed: dict[str, set[str]] = {}
        self._file: str | None = None

    def saw(self, method: str, target: str) -> None:
        from django.urls import Resolver404

        from tests.compat.routes import shape_of_request

        if self._file is None:
            return
        try:
            shape = shape_of_request(method, target)
        except Resolver404:
            return
        if shape is not None:
            self.seen.setdefault(self._file, set()).add(shape)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        # Fixtures that others share would count for whoever comes first.
        self._file = _file_of(item.nodeid)
        try:
            return (yield)
        finally:
            self._file = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            name = _file_of(item.nodeid)
            self.collected[name] = self.collected.get(name, 0) + 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.setdefault(_file_of(report.nodeid), set()).add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {}).get(_OUTPUT, {"seen": {}, "collected": {}})
        self.collected.update(output["collected"])
        for name, shapes in output["seen"].items():
            self.seen.setdefault(name, set()).update(shapes)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        config = session.config
        if hasattr(config, "workeroutput"):
            seen = {name: sorted(shapes) for name, shapes in self.seen.items()}
            config.workeroutput[_OUTPUT] = {"seen": seen, "collected": self.collected}
        elif config.getoption("record_requests"):
            write_record({name: self.seen.get(name, set()) for name in self._whole(config)})
        elif self._broken(config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for name, shape in self._broken(terminalreporter.config):
            terminalreporter.write_line(
                f"FAILED {name} no longer requests {shape}, for which docs/api-compat.md names it: "
                f"make compat ARGS={name}",
                red=True,
            )

    def _whole(self, config: pytest.Config) -> list[str]:
        """The files all of whose tests were run here, and passed."""
        options = config.option
        if options.keyword or options.markexpr or any("::" in each for each in config.args):
            return []
        return [
            name
            for name, count in self.collected.items()
            if len(self.passed.get(name, ())) == count
        ]

    def _broken(self, config: pytest.Config) -> list[tuple[str, str]]:
        if hasattr(config, "workeroutput") or config.getoption("record_requests"):
            return []
        whole = set(self._whole(config))
        return [
            (name, shape)
            for shape, name in named_tests(read_record()).items()
            if name in whole and shape not in self.seen.get(name, set())
        ]


def read_record() -> dict[str, list[str]]:
    """The routes that each file of tests has requested."""
    record: dict[str, list[str]] = json.loads(RECORD.read_text())
    return record


def write_record(seen: dict[str, set[str]]) -> None:
    """Put what these files have requested in the place of what was known of them."""
    known = read_record() | {name: sorted(shapes) for name, shapes in seen.items()}
    root = RECORD.parents[2]
    kept = {name: known[name] for name in sorted(known) if known[name] and (root / name).exists()}
    RECORD.write_text(json.dumps(kept, indent=1) + "\n")


def named_tests(record: dict[str, list[str]]) -> dict[str, str]:
    """For each route that is requested the file that is most about it."""
    found: dict[str, str] = {}
    for name in sorted(record):
        for shape in record[name]:
            if shape not in found or _closeness(name, shape) > _closeness(found[shape], shape):
                found[shape] = name
    return found


def _closeness(name: str, shape: str) -> tuple[int, int, int]:
    """How much a file is about a route: by its kind, by its name, by how little else it does."""
    folders = ("tests/web", "tests/live", "tests/clients", "tests/api")
    kind = next((rank for rank, start in enumerate(folders, 1) if name.startswith(start)), 0)
    words = [word.rstrip("s") for word in shape.lower().replace("-", "/").split("/")]
    stem = Path(name).stem.removeprefix("test_")
    return kind, sum(len(word) > 2 and word in stem for word in words[2:]), -len(stem)


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-requests", action="store_true", help="write down what is requested")


def pytest_configure(config: pytest.Config) -> None:
    recorder = Recorder()
    config.pluginmanager.register(recorder, "algoport-requests")
    _listen_to_connections(recorder)
    _listen_to_applications(recorder)


def _listen_to_connections(recorder: Recorder) -> None:
    """Requests over the network, whichever library makes them."""
    connection: Any = http.client.HTTPConnection
    put_request = connection.putrequest

    def put(self: Any, method: str, url: str, *args: Any, **named: Any) -> None:
        recorder.saw(method, url)
        put_request(self, method, url, *args, **named)

    connection.putrequest = put


def _listen_to_applications(recorder: Recorder) -> None:
    """Requests to Django, and to ASGI applications, in the process of the test."""
    from django.core.signals import request_started

    from tests import asgi_client

    def started(sender: object, environ: dict[str, Any] | None = None, **named: object) -> None:
        if environ is not None:
            recorder.saw(environ["REQUEST_METHOD"], environ["PATH_INFO"])

    request_started.connect(started, weak=False)
    call_async = asgi_client.call_async

    async def call(application: Any, method: str, target: str, **named: Any) -> Any:
        recorder.saw(method, target)
        return await call_async(application, method, target, **named)

    asgi_client.call_async = call
