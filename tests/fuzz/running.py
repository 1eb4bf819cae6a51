"""Runs of schemathesis' engine over a platform, with all of its checks."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import Status, events, from_schema

from algoport.api.pagination import encode_marker
from tests.fuzz.coercion import as_read, is_good
from tests.fuzz.objects import Objects
from tests.fuzz.reasons import EXEMPT

SEED = 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What an operation of `EXEMPT` is let off.
_EXEMPTIONS: dict[str, dict[str, Any]] = {
    "positive_data_acceptance": {
        "expected-statuses": [
            "2xx",
            "3xx",
            "400",
            "401",
            "403",
            "404",
            "409",
            "412",
            "416",
            "429",
            "5xx",
        ]
    },
    "unsupported_method": {"enabled": False},
}
_LIST_MARKER = encode_marker(
    {"at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "id": str(UUID(int=1))}
)

schemathesis.openapi.format("marker", st.just(_LIST_MARKER))
schemathesis.openapi.format("place-marker", st.just(encode_marker({"place": "kept"})))
schemathesis.openapi.format("name-marker", st.just(encode_marker({"name": "kept"})))


@dataclass
class Report:
    """What came of a run."""

    failures: list[str] = field(default_factory=list)
    # Answers by operation and status.
    answers: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def requests(self) -> int:
        return sum(counter.total() for counter in self.answers.values())

    def succeeded(self) -> set[str]:
        """The operations that answered 2xx or 3xx at least once."""
        return {name for name, seen in self.answers.items() if any(s < 400 for s in seen)}


def is_for_administrators(path: str) -> bool:
    """Whether an admin key is needed for most of what is at a path."""
    own = ("/connectors", "/errors", "/data-accesses", "/algorithms", "/approvals")
    listed = path.startswith(("/v1/admin/", "/v1/users", "/v1/organization", "/v1/config"))
    return listed and not any(part in path for part in own if "/admin/" not in path)


def run(
    objects: Objects,
    key: str | None,
    *,
    examples: int,
    seed: int = SEED,
    only: Callable[[str], bool] = bool,
    thoroughly: bool = True,
) -> Report:
    """Try the operations at the paths of `only` with a key, or without one.

    `thoroughly` goes through every boundary of what is described, besides the examples.
    """
    description = described(objects.platform.url)
    description["paths"] = {p: item for p, item in description["paths"].items() if only(p)}
    _name_objects(description, objects.values)
    settings = _settings(objects, key, examples, seed)
    settings["phases"]["coverage"]["enabled"] = thoroughly
    if not thoroughly:
        # What one or two examples mean by chance says nothing.
        settings["checks"] = {
            name: {"enabled": False}
            for name in ("positive_data_acceptance", "negative_data_rejection")
        }
        settings["operations"] = []
    names = {
        each["operationId"] for item in description["paths"].values() for each in item.values()
    }
    settings["operations"] = [
        each for each in settings["operations"] if each["include-operation-id"] in names
    ]
    config = SchemathesisConfig.from_dict(settings)
    schema = schemathesis.openapi.from_dict(description, config=config)
    schema.hook(filter_case)
    schema.hook(filter_failure)
    report = Report()
    for event in from_schema(schema).execute():
        _note(event, report)
    return report


def described(url: str) -> dict[str, Any]:
    """The platform's description, in which no answer may have a key that it does not tell."""
    description: dict[str, Any] = requests.get(f"{url}/v1/openapispec", timeout=30).json()
    for name, schema in description["components"]["schemas"].items():
        if schema.get("type") == "object" and not name.endswith("Request"):
            schema["additionalProperties"] = False
    return description


def filter_case(context: Any, case: Any) -> bool:
    """Leave out what is an address of another operation: these are told apart by their values."""
    path = case.path_parameters or {}
    if "algorithm_id" in path and not _UUID.fullmatch(unquote(str(path["algorithm_id"]))):
        return False
    if "/.algo/" in case.path and path.get("kind") not in ("perm", "temp"):
        return False
    # Runs make files and collections of any name: no other name is sure to be wrong.
    places = (*case.operation.path_parameters, *case.operation.query)
    given = {**path, **(case.query or {})}
    return all(
        unquote(str(given[each.name])) in each.definition["schema"]["enum"]
        for each in places
        if each.name in given and each.definition["schema"].get("x-named")
    )


def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether it is one: not where a body was good as it is read."""
    if not isinstance(failure, AcceptedNegativeData) or not isinstance(case.body, dict | list):
        return True
    raw = case.operation.schema.raw_schema
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    described_body = content.get("application/json", {}).get("schema", {})
    components = raw["components"]["schemas"]
    read = as_read(case.body, described_body, components)
    return bool(read == case.body or not is_good(read, described_body, components))


def _name_objects(description: dict[str, Any], values: Mapping[str, list[str]]) -> None:
    """Have parameters name what is there; other values are `tests.fuzz.hostile`'s."""
    for path, item in description["paths"].items():
        for method, operation in item.items():
            parameters = operation.get("parameters", [])
            for place, parameter in enumerate(parameters):
                entry = _values_for(values, method, path, parameter)
                if entry is not None:
                    named = {"type": "string", "enum": values[entry], "x-named": True}
                    parameters[place] = parameter | {"schema": named}


def _settings(objects: Objects, key: str | None, examples: int, seed: int) -> dict[str, Any]:
    auth = {} if key is None else {"openapi": {"ApiKey": {"api_key": f"Simple {key}"}}}
    return {
        "base-url": objects.platform.url,
        "seed": seed,
        "continue-on-failure": True,
        "workers": 1,
        "request-timeout": 60,
        "suppress-health-check": ["all"],
        "auth": auth,
        "generation": {
            "deterministic": True,
            "max-examples": examples,
            "no-shrink": True,
            "allow-x00": False,
            "database": "none",
            "with-security-parameters": False,
        },
        "phases": {
            "examples": {"enabled": False},
            "stateful": {"enabled": False},
            "fuzzing": {"extra-data-sources": {"responses": False}},
            "coverage": {"extra-data-sources": {"responses": False}},
        },
        "operations": [
            {"include-operation-id": name, "checks": {check: _EXEMPTIONS[check]}}
            for check, names in EXEMPT.items()
            for name in names
        ],
    }


def _values_for(
    values: Mapping[str, list[str]], method: str, path: str, parameter: Mapping[str, Any]
) -> str | None:
    """The most exact entry for a parameter."""
    name, where = parameter["name"], parameter["in"]
    found = []
    for entry in values:
        *which, wanted = entry.split(" ")
        if wanted != name or (where == "query") != ("query" in which):
            continue
        if where not in ("path", "query"):
            continue
        parts = [each for each in which if each != "query"]
        if all(each == method or each in f"{path}$" for each in parts):
            found.append((len(parts), entry))
    return max(found)[1] if found else None


def _note(event: Any, report: Report) -> None:
    if isinstance(event, events.NonFatalError | events.FatalError):
        report.failures.append(str(getattr(event, "info", None) or event.exception))
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            report.answers[recorder.label][interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.status == Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                answer = recorder.interactions[case_id].response
                status = "none" if answer is None else answer.status_code
                body = b"" if answer is None else (answer.content or b"")[:300]
                report.failures.append(
                    f"{recorder.label}: {check.name}: {failure.title}: {failure.message}\n"
                    f"  {check.failure_info.code_sample}\n  {status} {body!r}"
                )
