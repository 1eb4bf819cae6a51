"""Runs of schemathesis' engine over a platform, with all of its checks."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.config._checks import NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES
from schemathesis.engine import Status, events, from_schema
from schemathesis.openapi.checks import IgnoredAuth

from algoport.api.pagination import encode_marker
from tests.fuzz.objects import Objects
from tests.fuzz.reasons import reason_for
from tests.fuzz.sampling import Extent

SEED = 1
# And an address that is too long for the server.
_REFUSALS = [*NEGATIVE_DATA_REJECTION_EXPECTED_STATUSES, "414"]
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LIST_MARKER = encode_marker(
    {"at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "id": str(UUID(int=1))}
)

schemathesis.openapi.format("marker", st.just(_LIST_MARKER))
schemathesis.openapi.format("place-marker", st.just(encode_marker({"place": "kept"})))
schemathesis.openapi.format("name-marker", st.just(encode_marker({"name": "kept"})))
schemathesis.openapi.format("keyname-marker", st.just(encode_marker({"keyname": "kept"})))
schemathesis.openapi.format("number-marker", st.just(encode_marker({"number": "7"})))
_ID = str(UUID(int=1))
for _name, _marker in (
    ("usage", {"caller_id": _ID, "algorithm_id": _ID, "version": "0.1.0"}),
    ("caller-usage", {"caller_id": _ID}),
    ("algorithm-usage", {"algorithm_id": _ID, "version": "0.1.0"}),
):
    schemathesis.openapi.format(f"{_name}-marker", st.just(encode_marker(_marker)))
# Years that there are calls of.
_MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31))
schemathesis.openapi.format("date", _MOMENTS.map(lambda at: at.date().isoformat()))
schemathesis.openapi.format("date-time", _MOMENTS.map(lambda at: f"{at.isoformat()}Z"))


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


def run(objects: Objects, key: str | None, extent: Extent) -> Report:
    """Try every operation with a key, or without one."""
    description = named_description(objects)
    config = SchemathesisConfig.from_dict(
        _settings(objects, key, extent) | {"operations": _shortened(description, extent)}
    )
    schema = schemathesis.openapi.from_dict(description, config=config)
    boundaries = schema.iter_coverage_cases
    schema.iter_coverage_cases = lambda operation, **how: extent.of(
        operation, boundaries(operation, **how)
    )
    report = Report()
    schema.hook(filter_case)

    @schema.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
        if isinstance(failure, IgnoredAuth) and response.status_code == 429:
            # Who tries many keys has to wait, with any of them: nobody is let in by that.
            return False
        operation = case.operation.definition.raw["operationId"]
        return reason_for(operation, failure, response) is None

    for event in from_schema(schema).execute():
        _note(event, report)
    return report


def named_description(objects: Objects) -> dict[str, Any]:
    """The platform's description, in which places where something is named have names."""
    description = described(objects.platform.url)
    _name_objects(description, objects.values)
    _name_members(description, objects.members)
    return description


def described(url: str) -> dict[str, Any]:
    """The platform's description, in which no answer may have a key that it does not tell."""
    description: dict[str, Any] = requests.get(f"{url}/v1/openapispec", timeout=30).json()
    for name, schema in description["components"]["schemas"].items():
        comes_in = name.endswith("Request") and name != "Request"
        if schema.get("type") == "object" and not comes_in:
            schema["additionalProperties"] = False
    return description


def filter_case(context: Any, case: Any) -> bool:
    """Leave out what is an address of another operation: these are told apart by their values."""
    if _has_whole_float(case.body):
        # 1.0 is wrong to what makes wrong values of integers, and right to JSON schemas.
        return False
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


def _has_whole_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(_has_whole_float, value))
    return isinstance(value, float) and value.is_integer()


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


def _name_members(description: dict[str, Any], members: Mapping[str, list[str]]) -> None:
    for entry, values in members.items():
        name, member = entry.split()
        properties = description["components"]["schemas"][name]["properties"]
        nullable = properties[member].get("nullable", False)
        choices = [*values, None] if nullable else values
        properties[member] = {"type": "string", "enum": choices, "nullable": nullable}


def _shortened(description: dict[str, Any], extent: Extent) -> list[dict[str, Any]]:
    """Settings of the operations with less to try than others."""
    made = []
    for path, item in description["paths"].items():
        for operation in item.values():
            fuzzing: dict[str, Any] | None = None
            if extent.briefly(path):
                fuzzing = {"enabled": False}
            elif _has_names_only(operation):
                # `filter_case` would leave out all that is wrong.
                fuzzing = {"generation": {"mode": "positive"}}
            if fuzzing is not None:
                name = operation["operationId"]
                made.append({"include-operation-id": name, "phases": {"fuzzing": fuzzing}})
    return made


def _has_names_only(operation: dict[str, Any]) -> bool:
    places = operation.get("parameters", [])
    return "requestBody" not in operation and all("x-named" in each["schema"] for each in places)


def _settings(objects: Objects, key: str | None, extent: Extent) -> dict[str, Any]:
    auth = {} if key is None else {"openapi": {"ApiKey": {"api_key": f"Simple {key}"}}}
    return {
        "base-url": objects.platform.url,
        "seed": extent.seed,
        "continue-on-failure": True,
        "workers": 1,
        "request-timeout": 60,
        "suppress-health-check": ["all"],
        "auth": auth,
        # The key is of a platform that is gone by then.
        "output": {"sanitization": {"enabled": False}},
        "generation": {
            "deterministic": True,
            "max-examples": extent.examples,
            "no-shrink": True,
            "allow-x00": False,
            "database": "none",
            "with-security-parameters": False,
        },
        "checks": {"negative_data_rejection": {"expected-statuses": _REFUSALS}},
        "phases": {
            "examples": {"enabled": False},
            "stateful": {"enabled": False},
            "fuzzing": {"extra-data-sources": {"responses": False}},
            "coverage": {"extra-data-sources": {"responses": False}},
        },
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
