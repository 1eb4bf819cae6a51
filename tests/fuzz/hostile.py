"""Values that nobody means well with, in every place of every operation."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlsplit

from tests.acceptance.platform import SETTINGS
from tests.fuzz.objects import Objects

# As they stand in an address.
IN_ADDRESSES = (
    "%00",
    "a%00b",
    "%ff%fe",
    "%ed%a0%80",
    "..",
    "%2e%2e%2f",
    "%5c",
    "%0d%0aX-Header:%20x",
    "%F0%9F%98%80",
    "-1",
    "9" * 400,
    "a" * 3000,
    "%20",
    "'%22;--",
    "{}[]",
)
# As JSON text, so that there can be what Python cannot write.
IN_BODIES = (
    '"\\u0000"',
    '"\\ud800"',
    f'"{"a" * 100_000}"',
    '"\\ud83d\\ude00"',
    "null",
    "true",
    "-1",
    "1e400",
    "9" * 400,
    "0.5",
    "[]",
    "{}",
    '[[[["x"]]]]',
    '{"a": {"b": null}}',
)
BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"\xff\xfe",
    b"[" * 50_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"{}" + b" " * 100_000,
    b"a=b&c=%00",
)
HEADERS = {
    "Range": ("bytes=5-2", "bytes=-0", "bytes=" + "9" * 30 + "-", "lines=1-2", "bytes=0-1,3-4"),
    "If-Modified-Since": ("yesterday", "Sun, 99 Nov 9999 99:99:99 GMT"),
    "If-Range": ('"', 'W/"x"'),
    "Idempotency-Key": ("x" * 256, "\xe9"),
    "Content-Type": ("multipart/form-data", "text/plain; charset=none", "*", ";"),
}
# Bodies that are good but for the one member that is replaced.
GOOD: dict[str, dict[str, Any]] = {
    "create_user": {"username": "good", "email": "good@example.com"},
    "create_organization": {
        "org_name": "goodorg",
        "org_label": "Good",
        "org_contact_name": "demo",
        "org_email": "good@example.com",
    },
    "create_algorithm": {"name": "Good", "details": {"label": "Good"}, "settings": SETTINGS},
    "create_connector": {
        "username": "demo",
        "label": "good",
        "protocol": "s3",
        "cred_type": "iam",
        "cred_data": {"access_key_id": "id", "secret_access_key": "secret"},
    },
}


class Sent:
    """One request and its answer."""

    def __init__(self, request: str, answer: http.client.HTTPResponse) -> None:
        self.request = request
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    def complaint(self, documented: set[str]) -> str | None:
        """What is wrong with the answer."""
        shown = f"{self.request[:300]}: {self.status} {self.body[:300]!r}"
        if self.status == 500 or (str(self.status) not in documented and self.status != 404):
            return f"not documented: {shown}"
        if self.headers.get("X-Request-Id") is None:
            return f"no X-Request-Id: {shown}"
        if self.status < 400 or self.request.startswith("HEAD"):
            return None
        try:
            error = json.loads(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return f"no envelope: {shown}"
        known = isinstance(error, str) or list(error)[:3] == ["id", "code", "message"]
        return None if known else f"no envelope: {shown}"


def complaints(objects: Objects, description: Mapping[str, Any]) -> Iterator[str]:
    """What the platform answers wrongly, of everything hostile that it is sent."""
    address = urlsplit(objects.platform.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    with closing(connection):
        yield from _complaints(connection, objects, description)


def _complaints(
    connection: http.client.HTTPConnection, objects: Objects, description: Mapping[str, Any]
) -> Iterator[str]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            admin = "/admin/" in path or path.startswith(("/v1/users", "/v1/organization"))
            key = objects.admin_key if admin and "connectors" not in path else objects.keeper.key
            head = {"Authorization": f"Simple {key}"}
            documented = set(operation["responses"]) | {"405"}
            for target, headers, body in requests_to(path, method, operation, description):
                shown = f"{method.upper()} {target} {headers} {(body or b'')[:200]!r}"
                connection.request(method.upper(), target, body, head | headers)
                complaint = Sent(shown, connection.getresponse()).complaint(documented)
                if complaint is not None:
                    yield complaint


Request = tuple[str, dict[str, str], bytes | None]


def requests_to(
    path: str, method: str, operation: Mapping[str, Any], description: Mapping[str, Any]
) -> Iterator[Request]:
    names = {each["name"]: each["in"] for each in operation.get("parameters", [])}
    plain = path
    for name, where in names.items():
        if where == "path":
            for value in IN_ADDRESSES:
                yield _filled(path.replace(f"{{{name}}}", value)), {}, None
            plain = plain.replace(f"{{{name}}}", "nothing")
    for name, where in names.items():
        if where == "query":
            for value in IN_ADDRESSES:
                yield f"{plain}?{quote(name)}={value}", {}, None
    for name, values in HEADERS.items():
        for value in values:
            yield plain, {name: value}, b"x" if method in ("post", "put", "patch") else None
    if "requestBody" in operation:
        for body in BODIES:
            yield plain, {"Content-Type": "application/json"}, body
        yield from _bodies(plain, operation, description)


def _filled(path: str) -> str:
    """The other parameters of a path, as names of nothing."""
    while "{" in path.replace("{}[]", ""):
        before, _, rest = path.partition("{")
        if rest.startswith("}[]"):
            return path
        path = before + "nothing" + rest.partition("}")[2]
    return path


def _bodies(
    target: str, operation: Mapping[str, Any], description: Mapping[str, Any]
) -> Iterator[Request]:
    schema = operation["requestBody"]["content"].get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    properties = description["components"]["schemas"].get(name, {}).get("properties", {})
    good = GOOD.get(operation["operationId"], {})
    # The account that is there, so that the body is looked at.
    place = target.replace("nothing", "demo") if good else target
    for member in properties:
        for value in IN_BODIES:
            others = [
                f"{json.dumps(key)}: {json.dumps(good[key])}" for key in good if key != member
            ]
            text = "{" + ", ".join([*others, f"{json.dumps(member)}: {value}"]) + "}"
            yield place, {"Content-Type": "application/json"}, text.encode()
