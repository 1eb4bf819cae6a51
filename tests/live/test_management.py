"""Changing, building and publishing an algorithm on a whole platform."""

from typing import Any

import pytest
import requests

from tests.acceptance.platform import SETTINGS, Platform, create, wait_until, working_copy
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

SOURCE = """def apply(input):
    if input == "bad":
        raise ValueError("bad input")
    return f"Hello {input}!"
"""


def test_a_push_renders_the_readme_and_runs_the_sample(live: Platform) -> None:
    demo = live.account(unused("samples"))
    path = create(demo, "Greeter")
    one = f"{live.url}/v1/algorithms/{path}"
    session = requests.Session()
    session.headers["Authorization"] = demo.key

    def read() -> Any:
        return session.get(one, timeout=30).json()

    def sample(text: str, output: str) -> None:
        session.put(one, json={"version_info": {"sample_input": text}}, timeout=30)
        wait_until(lambda: read()["version_info"].get("sample_output") == output, 20, output)
        assert read()["version_info"]["sample_input"] == text

    session.put(one, json={"version_info": {"sample_input": "Mia"}}, timeout=30)
    with working_copy(demo, path) as copy:
        copy.write("src/Greeter.py", SOURCE)
        copy.write("README.md", "# Greeter\n\nGreets. <script>alert(1)</script>\n")
        pushed = copy.push("Greet")
    assert pushed.sha in pushed.output
    assert read()["details"]["summary"] == "<h1>Greeter</h1>\n<p>Greets. </p>\n"
    wait_until(
        lambda: read()["version_info"].get("sample_output") == "Hello Mia!", 20, "the sample ran"
    )
    sample("bad", "Exception encountered while running sample input")
    demo.client.algo(path).publish(
        settings={"algorithm_callability": "public"}, version_info={"version_type": "minor"}
    )
    sample("you", "Hello you!")
    commits = session.get(f"{one}/log", timeout=30).json()["commits"]
    assert [each["short_message"] for each in commits] == ["Greet", "Initial commit"]
    assert commits[0]["id"] == pushed.sha


def test_the_id_in_place_of_the_name(live: Platform) -> None:
    demo, guest = live.account(unused("ids")), live.account(unused("ids"))
    path = create(demo, "Hello")
    algo = demo.client.algo(path)
    identifier = algo.get_algorithm_id()
    # What this client sends is lost on the way, and must be answered as if all were well.
    assert algo.update(details={"label": "New"}, settings=SETTINGS)["id"] == identifier
    one = f"{live.url}/v1/algorithms/{identifier}"
    headers = {"Authorization": demo.key}
    compiled = requests.post(f"{one}/compile", headers=headers, timeout=60).json()
    sha = compiled["version_info"]["git_hash"]
    assert compiled["self_link"].endswith(f"/v1/algorithms/{path}/versions/{sha}")

    def call(key: str, version: str) -> requests.Response:
        address = f"{live.url}/v1/algo/{identifier}{version}"
        headers = {"Authorization": key, "Content-Type": "text/plain"}
        return requests.post(address, "you", headers=headers, timeout=30)

    assert call(demo.key, f"/{sha}").json()["result"] == "hello you"
    for version in ("", "/", f"/{sha}", "/latestPrivate"):
        refused = call(guest.key, version)
        assert refused.status_code == 404, version
    settings = {"algorithm_callability": "public"}
    published = requests.post(
        f"{one}/versions", json={"settings": settings}, headers=headers, timeout=30
    )
    assert published.json()["version_info"]["semantic_version"] == "0.1.0"
    for version in ("", "/", "/0.1.0", "/0.*"):
        assert call(guest.key, version).json()["result"] == "hello you", version
