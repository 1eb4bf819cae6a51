"""The Data Portal in a real browser: a bucket connected as the guide tells, and files put."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.acceptance.browser import Window, chromium, open_window, sign_in
from tests.acceptance.platform import Platform, running_platform
from tests.doubles.seaweed import Seaweed, running_seaweed

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

TEAM = b"name,role\nguest,reads\ndemo,writes\n"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
DROP = """async names => {
    const carried = new DataTransfer();
    for (const name of names) carried.items.add(new File(["dropped " + name], name));
    const event = new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
    document.querySelector("main").dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def storage() -> Iterator[Seaweed]:
    with running_seaweed() as server:
        server.client.create_bucket(Bucket="algorithmia")
        server.put("algorithmia", "team.csv", TEAM)
        for number in range(25):
            server.put("algorithmia", f"logs/{number:02}.txt", b"line\n" * number)
        server.client.create_bucket(Bucket="elsewhere")
        yield server


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform(ALGOPORT_CONNECTOR_HOSTS="127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def window(platform: Platform) -> Iterator[Window]:
    """demo has signed in there."""
    first = platform.first_run
    with chromium() as browser, open_window(browser, platform.url) as opened:
        sign_in(opened, first["username"], first["password"], "/data")
        yield opened


def look(window: Window, name: str) -> None:
    window.check()
    window.audit()
    window.fits()
    window.picture(f"data-{name}-{window.page.viewport_size['width']}")  # type: ignore[index]


def open_new(page: Page, kind: str) -> None:
    page.get_by_text("New Data Source", exact=True).click()
    page.get_by_role("link", name=kind, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_bucket_is_connected_as_the_guide_tells(
    window: Window, storage: Seaweed, platform: Platform
) -> None:
    page = window.page
    look(window, "sources")
    open_new(page, "Amazon S3")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Label", exact=False).first).to_have_value(re.compile("[a-z]+"))
    page.fill("#id_label", "saha")
    page.fill("#id_access_key_id", storage.access_key_id)
    page.fill("#id_secret_access_key", "wrong")
    dialog.get_by_text("Another server, region or encryption").click()
    page.fill("#id_endpoint_url", storage.url)
    page.select_option("#id_addressing", "path")
    page.fill("#id_path", "algorithmia/*")
    expect(dialog.locator("#path-preview code").first).to_have_text("s3+saha://algorithmia/*")
    expect(dialog.locator("#path-preview .problem")).to_contain_text("refused")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#verdict")).to_contain_text("does not take these credentials")
    page.fill("#id_secret_access_key", storage.secret_access_key)
    expect(dialog.locator("#path-preview .matches li")).to_have_count(20)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#verdict")).to_contain_text("It works")
    page.check("#id_writeable")
    look(window, "connect")
    window.press("Connect Amazon S3")
    assert "is connected as s3+saha" in window.text
    row = page.get_by_role("row").filter(has_text="s3+saha://")
    expect(row).to_contain_text("Read & write")
    file = platform.demo.client.file("s3+saha://algorithmia/team.csv")
    assert file.getBytes() == TEAM
    window.follow("saha")
    window.follow("algorithmia (folder)")
    look(window, "bucket")
    window.follow("Bucket settings")
    look(window, "settings")
    page.go_back()
    window.follow("team.csv")
    expect(page.get_by_role("cell", name="reads")).to_be_visible()
    look(window, "file")


def test_files_are_put_shown_and_deleted(window: Window, tmp_path: Path) -> None:
    page = window.page
    window.go("/data")
    open_new(page, "Hosted Data Collection")
    page.fill("#id_name", "Photos")
    window.press("Create Collection")
    assert page.url.endswith("/data/browse/data/demo/Photos")
    look(window, "empty")
    chosen = []
    for number in range(5):
        chosen.append(tmp_path / f"photo {number}+é#.png")
        chosen[-1].write_bytes(PIXEL)
    page.set_input_files("#uploads input[type=file]", chosen)
    expect(page.locator(".upload-summary [role=status]")).to_have_text("5 files uploaded")
    expect(page.locator(".entries tbody tr")).to_have_count(5)
    shown = page.locator(".upload-summary [role=status]")
    page.evaluate(DROP, [f"dropped-{number:03}.txt" for number in range(200)])
    expect(shown).to_have_text("200 files uploaded", timeout=60_000)
    expect(page.locator(".entries tbody tr")).to_have_count(100)
    page.fill("#begins", "photo")
    expect(page.locator(".entries tbody tr")).to_have_count(5)
    look(window, "files")
    window.follow("photo 3+é#.png")
    assert page.evaluate("document.querySelector('img.shown').naturalWidth") == 1
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download").click()
    assert loading.value.path().read_bytes() == PIXEL
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be brought back")
    look(window, "delete")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    assert "is deleted: 1 file" in window.text


def test_who_reads_a_collection_is_changed_by_keyboard(window: Window, platform: Platform) -> None:
    page, guest = window.page, platform.account("guest")
    for tabs, told, status in (
        (1, "Private (only me)", 404),
        (2, "My Algorithms (called by any user)", 404),
        (3, "Public (anybody)", 200),
    ):
        window.go("/data/browse/data/demo/Photos")
        page.locator("details.menu > summary", has_text="More").focus()
        page.keyboard.press("Enter")
        for _ in range(tabs):
            page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert f"Read access is now: {told}" in window.text
        answer = requests.get(
            f"{platform.url}/v1/data/demo/Photos",
            headers={"Authorization": guest.key},
            timeout=10,
        )
        assert answer.status_code == status, (told, answer.text)
    look(window, "public")


def test_a_large_file_goes_through_and_is_cancelled(window: Window, platform: Platform) -> None:
    """1 GiB, of which neither the browser nor the platform holds more than a piece."""
    page = window.page
    window.go("/data/browse/data/demo/Photos")
    large = platform.data / "large.bin"
    with large.open("wb") as file:
        file.truncate(1024**3)
    page.set_input_files("#uploads input[type=file]", large)
    expect(page.locator("#uploads li progress")).to_be_visible()
    page.get_by_role("button", name="Cancel large.bin").click()
    expect(page.locator(".upload-summary [role=status]")).to_contain_text("0 files uploaded")
    page.set_input_files("#uploads input[type=file]", large)
    status = page.locator(".upload-summary [role=status]")
    expect(status).to_have_text("1 file uploaded", timeout=60_000)
    page.fill("#begins", "large")
    expect(page.locator(".entries tbody tr")).to_have_text([re.compile(r"large.bin\s+1.1 GB")])


def test_on_a_narrow_screen(window: Window) -> None:
    page = window.page
    page.set_viewport_size({"width": 360, "height": 800})
    try:
        for name, path in {
            "sources": "/data",
            "files": "/data/browse/data/demo/Photos?begins=photo",
            "bucket": "/data/browse/s3+saha/algorithmia/",
            "file": "/data/browse/s3+saha/algorithmia/team.csv",
            "connect": "/data/new/s3",
        }.items():
            window.go(path)
            window.fits()
            window.picture(f"data-{name}-360")
    finally:
        page.set_viewport_size({"width": 1280, "height": 900})


def test_a_connector_is_changed_and_disconnected(window: Window, storage: Seaweed) -> None:
    page = window.page
    window.go("/data")
    window.follow("Manage s3+saha://")
    expect(page.locator("#path-preview .matches li")).to_have_count(20)
    look(window, "manage")
    page.fill("#id_label", "readonly")
    page.fill("#id_path", "algorithmia/team.csv")
    expect(page.locator("#path-preview")).to_contain_text("this one file")
    page.uncheck("#id_writeable")
    window.press("Save Changes")
    assert "The changes are saved." in window.text and "s3+readonly" in page.url
    window.follow("Browse")
    window.follow("algorithmia (folder)")
    expect(page.locator(".entries tbody tr")).to_have_count(1)
    assert not page.get_by_role("button", name="Upload Files").count()
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="Disconnect Source").click()
    look(window, "disconnect")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Disconnect Source").click()
    assert "s3+readonly is disconnected" in window.text
    assert storage.client.get_object(Bucket="algorithmia", Key="team.csv")["Body"].read() == TEAM
