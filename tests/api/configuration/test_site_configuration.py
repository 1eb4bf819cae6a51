"""/v1/config: the site's own images and settings of its frontend."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from algoport.accounts.models import User
from algoport.accounts.permissions import EVERYTHING
from algoport.audit.models import AuditEntry
from algoport.configuration import services
from algoport.configuration.constants import ImageKind
from algoport.configuration.models import FrontendEntry
from tests.factories.accounts import administrator_client

pytestmark = pytest.mark.django_db

LOGO, FAVICON, FRONTEND = "/v1/config/logo", "/v1/config/favicon", "/v1/config/frontend"
STATIC = Path(__file__).resolve().parents[3] / "static"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 1, height: int = 1, filling: int = 0) -> bytes:
    """A PNG image, with so many bytes that no viewer looks at."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * ((width + 1) * height)) if width < 9999 else b""
    middle = chunk(b"zzZz", bytes(filling)) if filling else b""
    parts = (chunk(b"IHDR", head), middle, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


GIF = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\0\0\0;"
JPEG = b"\xff\xd8\xff\xe0\0\x04xx\xff\xc0" + struct.pack(">HBHH", 8, 8, 1, 1) + b"\0\xff\xd9"
ICO = b"\0\0\1\0" + struct.pack("<HBB6xII", 1, 16, 16, 4, 22) + b"icon"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def boss(make_user: Callable[[str], User]) -> APIClient:
    return administrator_client(make_user("boss"))


def upload(client: APIClient, url: str, content: bytes, **form: Any) -> Any:
    """As the body itself, or as a file of a form."""
    if form:
        return client.post(url, form, format="multipart")
    return client.post(url, content, content_type="application/octet-stream")


@pytest.mark.parametrize(("url", "kind"), [(LOGO, "logo"), (FAVICON, "favicon")])
def test_an_image_takes_the_place_of_the_default(boss: APIClient, url: str, kind: str) -> None:
    visitor = Client()
    missing = visitor.get(url)
    assert missing.status_code == 303
    assert missing["Location"] == f"/static/web/img/{kind}.png"
    assert (STATIC / f"web/img/{kind}.png").read_bytes().startswith(b"\x89PNG")
    for content, content_type in (
        (png(), "image/png"),
        (GIF, "image/gif"),
        (JPEG, "image/jpeg"),
        (ICO, "image/x-icon"),
        ((STATIC / "web/img/logo.png").read_bytes(), "image/png"),
    ):
        answer = upload(boss, url, content)
        assert answer.status_code == 201 and answer.content == b""
        found = visitor.get(url)
        assert found.status_code == 200 and found.content == content
        assert found["Content-Type"] == content_type
        assert found["X-Content-Type-Options"] == "nosniff"
        assert found["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert visitor.head(url).status_code == 200
    for _ in range(2):
        assert boss.delete(url).status_code == 204
    assert visitor.get(url).status_code == 303
    acts = AuditEntry.objects.filter(action__startswith=f"{kind}.").order_by("number")
    assert list(acts.values_list("action", flat=True)) == [*[f"{kind}.set"] * 5, f"{kind}.reset"]


def test_uploads_as_forms(boss: APIClient) -> None:
    # What a form says of its file is not believed.
    file = SimpleUploadedFile("logo.svg", GIF, content_type="text/html")
    assert upload(boss, LOGO, b"", logo=file).status_code == 201
    assert Client().get(LOGO)["Content-Type"] == "image/gif"
    two = {name: SimpleUploadedFile("x.gif", GIF) for name in ("a", "b")}
    for form in (two, {"file": "no file"}):
        answer = upload(boss, LOGO, b"", **form)
        assert answer.status_code == 400 and answer.json()["code"] == 3106


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SVG,
        b"<html><script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n",
        png()[:-1],
        png()[:40] + b"x" + png()[41:],
        png() + SVG,
        png(9999, 1),
        png(0, 1),
        GIF[:-1],
        b"GIF89a;",
        JPEG[:-1],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff" + b"\xff\xd9",
        b"\0\0\1\0\0\0",
        ICO[:-1],
        b"\0\0\1\0\xff\xff" + bytes(100),
        b"BM" + bytes(100),
    ],
)
def test_what_is_no_image(boss: APIClient, content: bytes) -> None:
    for url in (LOGO, FAVICON):
        answer = upload(boss, url, content)
        assert answer.status_code == 400 and answer.json()["code"] == 3106
        assert Client().get(url).status_code == 303


@pytest.mark.parametrize(
    ("url", "limit", "code"), [(FAVICON, 128 * 1024, 3105), (LOGO, 1024 * 1024, 3107)]
)
def test_images_have_a_size(boss: APIClient, url: str, limit: int, code: int) -> None:
    room = limit - len(png()) - 12
    assert upload(boss, url, png(filling=room)).status_code == 201
    refused = upload(boss, url, png(filling=room + 1))
    assert refused.status_code == 413 and refused.json()["code"] == code
    assert len(Client().get(url).content) == limit


def test_only_administrators_configure(api: APIClient, boss: APIClient) -> None:
    boss.put(f"{FRONTEND}/key", {"value": "1"}, format="json")
    for client, status in ((api, 403), (APIClient(), 401)):
        for url in (LOGO, FAVICON):
            assert upload(client, url, GIF).status_code == status
            assert client.delete(url).status_code == status
        one = f"{FRONTEND}/key"
        assert client.put(one, {"value": "2"}, format="json").status_code == status
        assert client.delete(one).status_code == status
    assert APIClient().get(FRONTEND).status_code == 401
    assert APIClient().get(f"{FRONTEND}/key").status_code == 401
    assert api.get(f"{FRONTEND}/key").json()["value"] == "1"
    assert Client().get(LOGO).status_code == 303


def test_entries(api: APIClient, boss: APIClient) -> None:
    one = f"{FRONTEND}/brand.color"
    body = {"keyname": "brand.color", "value": " #112233\n", "resource_type": "anything"}
    made = boss.put(one, body, format="json")
    assert made.status_code == 200
    entry = made.json()
    assert entry == {
        "keyname": "brand.color",
        "value": " #112233\n",
        "created_at": entry["created_at"],
        "updated_at": entry["updated_at"],
        "resource_type": "frontend_configuration",
    }
    assert isinstance(entry["created_at"], int)
    changed = boss.put(one, {"value": ""}, format="json").json()
    assert changed["value"] == "" and changed["created_at"] == entry["created_at"]
    assert changed["updated_at"] >= entry["updated_at"]
    assert api.get(one).json() == boss.get(one).json() == changed
    assert boss.delete(one).status_code == 204
    for answer in (boss.delete(one), api.get(one), api.get(f"{FRONTEND}/x%00"), api.get(one * 9)):
        assert answer.status_code == 404
    assert boss.delete(one).json()["code"] == 5004
    acts = AuditEntry.objects.filter(target_id="brand.color").order_by("number")
    expected = ["frontend_entry.set", "frontend_entry.set", "frontend_entry.delete"]
    assert list(acts.values_list("action", flat=True)) == expected


@pytest.mark.parametrize(
    ("keyname", "body"),
    [
        ("k", {"value": "1"}),
        ("-key", {"value": "1"}),
        ("key.", {"value": "1"}),
        ("k" * 65, {"value": "1"}),
        ("k y", {"value": "1"}),
        ("key%0A", {"value": "1"}),
        ("k%00y", {"value": "1"}),
        ("k\u00e9y", {"value": "1"}),
        ("key", {}),
        ("key", []),
        ("key", {"value": None}),
        ("key", {"value": {"a": 1}}),
        ("key", {"value": "a\x00b"}),
        ("key", {"value": "x" * (64 * 1024 + 1)}),
        ("key", {"value": "1", "keyname": "other"}),
    ],
)
def test_entries_that_are_refused(boss: APIClient, keyname: str, body: Any) -> None:
    answer = boss.put(f"{FRONTEND}/{keyname}", body, format="json")
    assert answer.status_code == 400 and answer.json()["code"] == 6001
    assert not FrontendEntry.objects.exists()


def test_pages_of_entries(api: APIClient, boss: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"key-{number:02}" for number in range(7)]
    for name in reversed(names):
        services.set_entry(keyname=name, value=name)
    url, found = f"{FRONTEND}?limit=3", []
    with CaptureQueriesContext(connection) as captured:
        while url is not None:
            page = api.get(url).json()
            found += [each["keyname"] for each in page["results"]]
            url = page["next_link"]
    assert found == names and page["marker"] is None and len(captured) <= 3 * 3
    assert api.get(f"{FRONTEND}?limit=0").json()["code"] == 5003
    for marker in ("x", "eyJrZXluYW1lIjoxfQ", "eyJrZXluYW1lIjoiXHUwMDAwIn0"):
        assert api.get(f"{FRONTEND}?marker={marker}").json()["code"] == 5002
    monkeypatch.setattr(services, "MOST_ENTRIES", 7)
    assert boss.put(f"{FRONTEND}/one-more", {"value": "1"}, format="json").status_code == 400
    assert boss.put(f"{FRONTEND}/key-00", {"value": "1"}, format="json").status_code == 200


def test_pages_show_the_site(boss: APIClient) -> None:
    page = Client().get("/").content.decode()
    assert "<title>Algoport</title>" in page and "/static/web/img/favicon.png" in page
    boss.put(f"{FRONTEND}/site_title", {"value": "<b>Lab</b>"}, format="json")
    services.set_image(kind=ImageKind.LOGO, content=GIF)
    services.set_image(kind=ImageKind.FAVICON, content=png())
    page = Client().get("/").content.decode()
    assert "<title>&lt;b&gt;Lab&lt;/b&gt;</title>" in page and "<b>Lab</b>" not in page
    for kind in ("logo", "favicon"):
        _, _, rest = page.partition(f'"/v1/config/{kind}?v=')
        assert Client().get(f"/v1/config/{kind}?v={rest.partition(chr(34))[0]}").status_code == 200


def test_the_admin_lists_what_there_is(make_user: Callable[[str], User]) -> None:
    services.set_entry(keyname="key", value="a value")
    services.set_image(kind=ImageKind.LOGO, content=GIF)
    staff = make_user("staff")
    User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=staff.pk))
    for path in ("frontendentry", "frontendentry/key/change", "siteimage", "siteimage/logo/change"):
        assert client.get(f"/admin/configuration/{path}/").status_code == 200


def test_a_standard_key_of_an_administrator_is_not_enough(
    api_of: Callable[..., APIClient], make_user: Callable[[str], User]
) -> None:
    staff = make_user("staff")
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    assert upload(api_of(staff, EVERYTHING), LOGO, GIF).status_code == 403
