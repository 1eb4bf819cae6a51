"""`make demo` as production has it: containers, and PostgreSQL and Redis of the operator's."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker
import pytest
import requests

from algoport.containers.docker_runtime import connect
from algoport.containers.errors import RuntimeUnavailable
from tests.acceptance.crashes import CRASH_STEPS
from tests.acceptance.platform import Platform, create, deploy, running_platform, working_copy
from tests.acceptance.portal import sign_in_administrator
from tests.acceptance.steps import STEPS, Say
from tests.doubles.servers import ServerMissing, running_postgres, running_redis

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("external"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Left out loudly, or with ALGOPORT_TEST_STRICT failed, where something is missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ap-out-")))
        folder.chmod(0o755)
        try:
            connect().close()
            database = stack.enter_context(running_postgres(folder / "postgres"))
            valkey = stack.enter_context(running_redis(folder))
        except (ServerMissing, RuntimeUnavailable) as exc:
            if os.environ.get("ALGOPORT_TEST_STRICT"):
                pytest.fail(str(exc))
            pytest.skip(str(exc))
        yield stack.enter_context(
            running_platform(
                DATABASE_URL=database.url, REDIS_URL=valkey.url, ALGOPORT_RUNTIME="docker"
            )
        )


@pytest.mark.parametrize("step", [*STEPS, *CRASH_STEPS], ids=lambda step: step.__name__)
def test_step(platform: Platform, step: Callable[[Platform, Say], None]) -> None:
    step(platform, print)


def test_runs_are_containers(platform: Platform) -> None:
    said = (platform.data.parent / "up.log").read_text()
    assert "isolation  docker: engine " in said
    client = connect()
    names = {runner for each in client.containers() for runner in each["Labels"]}
    client.close()
    assert "algoport.runner" in names and platform.sandboxes()


SOURCE = "import os\n\n\ndef apply(input):\n    return os.environ.get('GIVEN', 'nothing')\n"


@contextmanager
def stand_in(client: "docker.APIClient", text: str) -> Iterator[str]:
    """An image of somebody else's: this platform's Python with a variable of its own."""
    name = f"algoport-stand-in:{os.urandom(4).hex()}"
    python = client.images(name="algoport/python3")[0]["Id"]
    container = client.create_container(python, ["true"])["Id"]
    client.commit(container, *name.split(":"), changes=[f"ENV GIVEN={text}"])
    client.remove_container(container)
    yield name
    client.remove_image(name, force=True)


def test_an_environment_is_made_of_another_image(platform: Platform) -> None:
    """As an administrator adds and changes it; what is built keeps what it was built in."""
    demo = platform.demo
    browser, _ = sign_in_administrator(platform)
    pages = f"{platform.url}/admin/algorithms/environment"

    def send(path: str, **changes: str) -> None:
        form = {"name": "own", "display_name": "Own", "language": "python3-1", "enabled": "on"}
        form |= {"recipe": "python3", "machine_type": "cpu", **changes}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        answer = browser.post(f"{pages}/{path}", data=form, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text

    def identifier(name: str) -> str:
        path = "/v1/algorithm-environments/edge/languages/python3-1/environments"
        headers = {"Authorization": demo.key}
        rows = requests.get(platform.url + path, headers=headers, timeout=10).json()["environments"]
        (found,) = [each["id"] for each in rows if each["display_name"] == name]
        return str(found)

    with connect() as client, stand_in(client, "seven") as base_image:
        send("add/", base_image=base_image)
        send("add/", name="card", display_name="Card", machine_type="gpu", base_image="")
        own = identifier("Own")
        address = deploy(demo, "Based", SOURCE, algorithm_environment=own, language=None)
        assert demo.client.algo(address).pipe("x").result == "seven"
        send(f"{own}/change/", base_image="127.0.0.1:9/nobody/python:3")
        with working_copy(demo, address.rpartition("/")[0]) as copy:
            pushed = copy.push()
        assert "127.0.0.1:9/nobody/python:3 is not on this host" in pushed.output
        assert demo.client.algo(address).pipe("x").result == "seven"
        path = create(demo, "Carded", algorithm_environment=identifier("Card"), language=None)
        with working_copy(demo, path) as copy:
            assert "needs a graphics card" in copy.push().output
