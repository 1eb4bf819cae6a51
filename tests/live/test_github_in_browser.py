"""An algorithm with its source on GitHub: from the connected account to a call of a push."""

import pytest
import requests

from tests.acceptance.browser import Window, chromium, signed_in
from tests.acceptance.platform import Platform, running_platform, wait_until
from tests.doubles.repository_host import RepositoryHost, repository_host

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("github"), pytest.mark.timeout(180)]

SOURCE = "def apply(input):\n    return 'Hello ' + input\n"


def test_from_the_connected_account_to_a_call() -> None:
    with (
        repository_host() as host,
        running_platform(ALGOPORT_SCM_HOSTS="127.0.0.1") as platform,
        chromium() as browser,
        signed_in(browser, platform, person_of(platform)) as window,
    ):
        first, name = platform.first_run, "Hosted"
        describe(platform, host)
        window.go("/user/source-hosts")
        look(window, "hosts")
        window.follow("Authorize at GitHub")
        assert "Connected with octo at GitHub." in window.text
        look(window, "connected")
        make(window, name)
        sha = push(platform, host, name)
        result = platform.demo.client.algo(f"{first['username']}/{name}/{sha}").pipe("you").result
        assert result == "Hello you"
        source = f"/algorithms/{first['username']}/{name}/source"
        window.go(source)
        assert sha[:8] in window.text and "Build succeeded" in window.text
        look(window, "source")
        narrow(window, hosts="/user/source-hosts", new="/algorithms/new", source=source)
        window.go("/user/source-hosts")
        window.press("Revoke the authorization at GitHub")
        assert "The authorization at GitHub is taken back." in window.text


def person_of(platform: Platform) -> tuple[str, str]:
    return platform.first_run["username"], platform.first_run["password"]


def describe(platform: Platform, host: RepositoryHost) -> None:
    headers = {"Authorization": f"Simple {platform.first_run['admin_api_key']}"}
    url = f"{platform.url}/v1/admin/scms"
    answer = requests.post(url, json=host.described(), headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text


def look(window: Window, name: str) -> None:
    window.fits()
    window.audit()
    window.picture(f"github-{name}-1280")


def narrow(window: Window, **pages: str) -> None:
    window.page.set_viewport_size({"width": 360, "height": 800})
    for name, path in pages.items():
        window.go(path)
        window.fits()
        window.picture(f"github-{name}-360")
    window.page.set_viewport_size({"width": 1280, "height": 800})


def make(window: Window, name: str) -> None:
    window.go("/algorithms/new")
    look(window, "new")
    window.fill("Name", name)
    window.page.get_by_label("GitHub - ").focus()
    window.page.keyboard.press("Space")
    window.page.get_by_role("button", name="Create", exact=True).focus()
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    assert f"octo/{name}" in window.text
    look(window, "made")


def push(platform: Platform, host: RepositoryHost, name: str) -> str:
    """A commit there, once the platform has built it."""
    sha = host.commit(f"octo/{name}", {f"src/{name}.py": SOURCE})
    event, hook = host.event(f"octo/{name}"), host.find(f"octo/{name}").hooks[0]
    headers = {"Content-Type": "application/json", **event["headers"]}
    sent = requests.post(hook["config"]["url"], event["data"], headers=headers, timeout=10)
    assert sent.status_code == 204, sent.text
    builds = f"{platform.url}/v1/algorithms/{platform.demo.name}/{name}/builds"
    mine = {"Authorization": f"Simple {platform.demo.key}"}

    def has_built() -> bool:
        found = requests.get(builds, headers=mine, timeout=10).json()["results"]
        return [(b["commit_sha"], b["status"]) for b in found] == [(sha, "succeeded")]

    wait_until(has_built, 60, "the push is fetched and built")
    return sha
