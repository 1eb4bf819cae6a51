"""The Data Portal in a real browser: a bucket connected as the guide tells, and files put.

With a mouse on a wide screen, and by keyboard alone on a narrow and dark one.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Locator, expect

from tests.acceptance.browser import Window, signed_in
from tests.acceptance.platform import Account, Platform
from tests.acceptance.steps import unused
from tests.browser.entrance import PASSWORD
from tests.browser.keyboard import Hands
from tests.doubles.seaweed import Seaweed

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
def storage(s3: Seaweed) -> Seaweed:
    s3.put("algorithmia", "team.csv", TEAM)
    for number in range(25):
        s3.put("algorithmia", f"logs/{number:02}.txt", b"line\n" * number)
    s3.client.create_bucket(Bucket="elsewhere")
    return s3


@pytest.fixture(scope="module")
def keeper(live: Platform) -> Account:
    """Whose data this is."""
    return live.account(unused("keeper"), PASSWORD)


@pytest.fixture(scope="module")
def window(browser: Browser, live: Platform, keeper: Account) -> Iterator[Window]:
    with signed_in(browser, live, (keeper.name, PASSWORD)) as opened:
        yield opened


@pytest.fixture(scope="module")
def hands(browser: Browser, live: Platform, keeper: Account) -> Iterator[Hands]:
    with signed_in(browser, live, (keeper.name, PASSWORD), 360, "dark", Hands) as opened:
        yield opened


def look(window: Window, name: str) -> None:
    window.check()
    window.audit()
    window.fits()
    window.picture(f"data-{name}-{window.page.viewport_size['width']}")  # type: ignore[index]


def open_new(window: Window, kind: str) -> Locator:
    window.unfold("New Data Source")
    return window.open(kind)


def test_a_bucket_is_connected_as_the_guide_tells(
    window: Window, storage: Seaweed, keeper: Account
) -> None:
    page = window.page
    window.go("/data")
    look(window, "sources")
    dialog = open_new(window, "Amazon S3")
    expect(dialog.get_by_label("Label", exact=False).first).to_have_value(re.compile("[a-z]+"))
    page.fill("#id_label", "saha")
    page.fill("#id_access_key_id", storage.access_key_id)
    page.fill("#id_secret_access_key", "wrong")
    window.unfold("Another server, region or encryption")
    page.fill("#id_endpoint_url", storage.url)
    page.select_option("#id_addressing", "path")
    page.fill("#id_path", "algorithmia/*")
    expect(dialog.locator("#path-preview code").first).to_have_text("s3+saha://algorithmia/*")
    expect(dialog.locator("#path-preview .problem")).to_contain_text("refused")
    window.push("Test connection")
    expect(page.locator("#verdict")).to_contain_text("does not take these credentials")
    page.fill("#id_secret_access_key", storage.secret_access_key)
    expect(dialog.locator("#path-preview .matches li")).to_have_count(20)
    window.push("Test connection")
    expect(page.locator("#verdict")).to_contain_text("It works")
    page.check("#id_writeable")
    look(window, "connect")
    window.press("Connect Amazon S3")
    assert "is connected as s3+saha" in window.text
    row = page.get_by_role("row").filter(has_text="s3+saha://")
    expect(row).to_contain_text("Read & write")
    file = keeper.client.file("s3+saha://algorithmia/team.csv")
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


def test_files_are_put_shown_and_deleted(window: Window, keeper: Account, tmp_path: Path) -> None:
    page = window.page
    window.go("/data")
    open_new(window, "Hosted Data Collection")
    page.fill("#id_name", "Photos")
    window.press("Create Collection")
    assert page.url.endswith(f"/data/browse/data/{keeper.name}/Photos")
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
    expect(window.open("Delete")).to_contain_text("cannot be brought back")
    look(window, "delete")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    assert "is deleted: 1 file" in window.text


def test_a_bucket_is_connected_and_disconnected_by_keyboard(
    hands: Hands, storage: Seaweed, keeper: Account
) -> None:
    page = hands.page
    hands.go("/")
    hands.follow("Data")
    look(hands, "sources")
    dialog = open_new(hands, "Amazon S3")
    hands.fill("Label", "lab")
    hands.fill("AWS Access Key ID", storage.access_key_id)
    hands.fill("AWS Secret Access Key", storage.secret_access_key)
    hands.unfold("Another server, region or encryption")
    hands.fill("Server", storage.url)
    hands.reach("Bucket names in requests")
    page.keyboard.type("path")
    hands.fill("Path Restriction", "algorithmia/*")
    expect(dialog.locator("#path-preview code").first).to_have_text("s3+lab://algorithmia/*")
    expect(dialog.locator("#path-preview .matches li")).to_have_count(20)
    hands.tick("Allow writing (and deleting) files and directories")
    hands.push("Test connection")
    expect(page.locator("#verdict")).to_contain_text("It works")
    look(hands, "connect")
    hands.press("Connect Amazon S3")
    assert "is connected as s3+lab" in hands.text
    look(hands, "connected")
    assert keeper.client.file("s3+lab://algorithmia/team.csv").getBytes() == TEAM
    hands.follow("Manage s3+lab://")
    look(hands, "manage")
    hands.open("Disconnect Source")
    look(hands, "disconnect")
    hands.press("Disconnect Source")
    assert "s3+lab is disconnected" in hands.text


def test_files_are_put_and_shared_by_keyboard(
    hands: Hands, keeper: Account, live: Platform, tmp_path: Path
) -> None:
    page = hands.page
    hands.go("/data")
    open_new(hands, "Hosted Data Collection")
    look(hands, "new-collection")
    hands.fill("Collection name", "Notes")
    hands.press("Create Collection")
    look(hands, "empty")
    notes = [tmp_path / "first.txt", tmp_path / "second.txt"]
    for note in notes:
        note.write_text("a note")
    with page.expect_file_chooser() as choosing:
        hands.push("Upload Files")
    choosing.value.set_files(notes)
    expect(page.locator(".entries tbody th")).to_have_text(["first.txt", "second.txt"])
    look(hands, "uploaded")
    for told, status in (
        ("Private (only me)", 404),
        ("My Algorithms (called by any user)", 404),
        ("Public (anybody)", 200),
    ):
        hands.unfold("More for Notes")
        if status == 200:
            look(hands, "access")
        hands.press(told)
        assert f"Read access is now: {told}" in hands.text
        answer = requests.get(
            f"{live.url}/v1/data/{keeper.name}/Notes",
            headers={"Authorization": live.demo.key},
            timeout=10,
        )
        assert answer.status_code == status, (told, answer.text)
    look(hands, "public")


def test_a_large_file_goes_through_and_is_cancelled(
    window: Window, keeper: Account, tmp_path: Path
) -> None:
    """1 GiB, of which neither the browser nor the platform holds more than a piece."""
    page = window.page
    window.go(f"/data/browse/data/{keeper.name}/Photos")
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(1024**3)
    page.set_input_files("#uploads input[type=file]", large)
    expect(page.locator("#uploads li progress")).to_be_visible()
    window.picture("data-uploading-1280")
    window.push("Cancel large.bin")
    expect(page.locator(".upload-summary [role=status]")).to_contain_text("0 files uploaded")
    page.set_input_files("#uploads input[type=file]", large)
    status = page.locator(".upload-summary [role=status]")
    expect(status).to_have_text("1 file uploaded", timeout=60_000)
    page.fill("#begins", "large")
    expect(page.locator(".entries tbody tr")).to_have_text([re.compile(r"large.bin\s+1.1 GB")])
    assert keeper.client.file(f"data://{keeper.name}/Photos/large.bin").delete()


def test_on_a_narrow_screen(window: Window, keeper: Account) -> None:
    page = window.page
    page.set_viewport_size({"width": 360, "height": 800})
    try:
        for name, path in {
            "files": f"/data/browse/data/{keeper.name}/Photos?begins=photo",
            "bucket": "/data/browse/s3+saha/algorithmia/",
            "file": "/data/browse/s3+saha/algorithmia/team.csv",
            "connect-page": "/data/new/s3",
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
    window.open("Disconnect Source")
    look(window, "disconnect")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Disconnect Source").click()
    assert "s3+readonly is disconnected" in window.text
    assert storage.client.get_object(Bucket="algorithmia", Key="team.csv")["Body"].read() == TEAM
