"""Images: what is in them and what is not, who gets them, and which go."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from algoport.containers.base_image import describe_environment
from algoport.containers.docker_base import make_from_parent
from algoport.containers.docker_images import Images, tag_of_environment
from algoport.containers.docker_runtime import DockerRuntime, connect
from algoport.containers.engine import BuildStep, Image, RunnerSpec
from algoport.containers.errors import (
    HostLacks,
    ImageNotMade,
    RunnerStartFailed,
    RuntimeUnavailable,
)
from tests.contracts.test_runtime import SMALL, Session, leave_out
from tests.doubles.registry import running_registry

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox")]


@pytest.fixture(scope="module")
def client() -> Iterator["docker.APIClient"]:
    try:
        made = connect()
    except RuntimeUnavailable as exc:
        leave_out(str(exc))
    with made:
        yield made


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ap-im-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def images(client: "docker.APIClient") -> Iterator[Images]:
    made = Images(client, os.urandom(6).hex(), "")
    yield made
    made.prune(frozenset(), frozenset())


def source_in(folder: Path, text: str = "def apply(i):\n    return i\n") -> Path:
    made = folder / "algorithm" / os.urandom(8).hex()
    (made / "src").mkdir(parents=True)
    (made / "src" / "A.py").write_text(text)
    return made


def packages_in(folder: Path) -> Path:
    made = folder / "packages" / os.urandom(20).hex()
    made.mkdir(parents=True)
    (made / "thing.py").write_text("VALUE = 1\n")
    return made


def layers(client: "docker.APIClient", tag: str) -> list[str]:
    found: list[str] = client.inspect_image(tag)["RootFS"]["Layers"]
    return found


def test_a_change_of_the_source_makes_one_layer(
    client: "docker.APIClient", images: Images, environment: Path, folder: Path
) -> None:
    packages = packages_in(folder)
    tags = [
        images.make(
            Image(environment, source_in(folder, f"X = {number}\n"), packages),
            {"algoport.owner": "demo", "algoport.commit": f"c{number}"},
        )
        for number in range(2)
    ]
    first, second = (layers(client, tag) for tag in tags)
    assert first[:-1] == second[:-1] and first[-1] != second[-1]
    assert first[:-2] == layers(client, images.of_environment(environment))
    labels = client.inspect_image(tags[1])["Config"]["Labels"]
    assert labels["algoport.owner"] == "demo" and labels["algoport.commit"] == "c1"
    assert labels["algoport.packages"] == packages.name


def test_links_of_a_source_lead_nowhere_of_ours(
    client: "docker.APIClient", images: Images, environment: Path, folder: Path
) -> None:
    source = source_in(folder)
    (source / "src" / "link").symlink_to("/etc/hostname")
    (source / "out").symlink_to("../../../../../../etc")
    tag = images.make(Image(environment, source, None), {})
    host = client.create_host_config(network_mode="none")
    command = ["python3", "-c", "import os; print([os.readlink(p) for p in ('src/link', 'out')])"]
    container = client.create_container(
        tag, command, host_config=host, working_dir="/opt/algorithm"
    )["Id"]
    client.start(container)
    assert client.wait(container)["StatusCode"] == 0
    said = client.logs(container).decode()
    client.remove_container(container)
    assert said == "['/etc/hostname', '../../../../../../etc']\n"


def test_prune_keeps_what_it_is_told_and_what_others_have(
    images: Images, client: "docker.APIClient", environment: Path, folder: Path
) -> None:
    packages = packages_in(folder)
    kept, gone = (Image(environment, source_in(folder), packages) for _ in range(2))
    tags = [images.make(each, {}) for each in (kept, gone)]
    others = Images(client, "another", "")
    assert others.prune(frozenset(), frozenset()) == 0
    names = frozenset({packages.name})
    assert images.prune(frozenset({kept.source.name}), names) == 1
    assert [images.exists(tag) for tag in tags] == [True, False]
    # Asked for nevertheless, it is made again.
    assert images.of(gone) == tags[1] and images.exists(tags[1])
    shutil.rmtree(gone.source)
    assert images.prune(frozenset({kept.source.name}), names) == 1
    with pytest.raises(ImageNotMade, match="there is no folder"):
        images.of(gone)


def test_another_host_gets_it_from_the_registry(client: "docker.APIClient", folder: Path) -> None:
    # Of an environment in which nothing could run: small enough to be sent around.
    environment = folder / f"tiny-{os.urandom(6).hex()}"
    for part in ("usr/bin", "etc"):
        (environment / part).mkdir(parents=True)
    with running_registry() as registry:
        prefix = f"{registry.address}/algoport"
        ours = Images(client, os.urandom(6).hex(), prefix)
        image = Image(environment, source_in(folder), None)
        tag = ours.make(image, {})
        assert tag.startswith(f"{prefix}/algorithm-algorithm:")
        assert len(registry.manifests) == 2
        # As on a host that has neither the image nor its folder.
        client.remove_image(tag)
        shutil.rmtree(image.source)
        assert ours.of(image) == tag
        assert registry.pulled
        client.remove_image(tag)
    with pytest.raises(ImageNotMade):
        ours.of(image)
    client.remove_image(tag_of_environment(environment))


def test_a_registry_that_takes_nothing_fails_the_build(
    client: "docker.APIClient", environment: Path, folder: Path
) -> None:
    runtime_folder = folder / "r"
    runtime_folder.mkdir()
    runtime = DockerRuntime(folder / "s", runtime_folder, registry="127.0.0.1:9/nobody")
    image = Image(environment, source_in(folder), None)
    with pytest.raises(ImageNotMade, match="the registry did not take"):
        runtime.seal(image, {})
    # It is here all the same, and can be started here.
    runner = runtime.start_runner(RunnerSpec("here", image, SMALL))
    assert runner.is_alive()
    runner.kill()
    runtime.prune(frozenset(), frozenset())
    runtime.start_watchdog()
    runtime.stop_watchdog()


def test_an_environment_that_has_no_image_fails_only_starts(
    client: "docker.APIClient", folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Workers start without it, and serve the others."""
    runtime_folder = folder / "r"
    runtime_folder.mkdir()
    runtime = DockerRuntime(folder / "s", runtime_folder)
    missing = folder / "environments" / "none"
    runtime.expect(missing, SMALL)
    assert "the environment has no image" in caplog.text
    with pytest.raises(RunnerStartFailed):
        runtime.start_runner(RunnerSpec("here", Image(missing, source_in(folder), None), SMALL))
    runtime.start_watchdog()
    runtime.stop_watchdog()


@pytest.fixture
def stand_in(client: "docker.APIClient", images: Images, environment: Path) -> Iterator[str]:
    """An image with Python that starts with something else, as somebody else."""
    name = f"algoport-stand-in:{os.urandom(4).hex()}"
    container = client.create_container(images.of_environment(environment), ["true"])["Id"]
    client.commit(
        container,
        *name.split(":"),
        changes=[
            'ENTRYPOINT ["false"]',
            "USER 1000",
            "WORKDIR /tmp",
            'ENV GIVEN="a \\"b\\" \\$c"',
            "ENV PATH=/nowhere",
        ],
    )
    client.remove_container(container)
    yield name
    client.remove_image(name, force=True)


def recipe_in(folder: Path) -> Path:
    made = folder / "recipe"
    (made / "site").mkdir(parents=True)
    (made / "requirements.txt").write_text("")
    (made / "site" / "brought.py").write_text("VALUE = 7\n")
    return made


def test_an_environment_of_another_image(
    client: "docker.APIClient", folder: Path, stand_in: str
) -> None:
    """Its recipe is installed into it, its variables stay, and all else is as in any other."""
    (folder / "r").mkdir()
    runtime = DockerRuntime(folder / "s", folder / "r")
    own = describe_environment(folder, "own", stand_in, recipe_in(folder))
    source = source_in(
        folder,
        "import brought, os\n\n\ndef apply(i):\n"
        "    return [brought.VALUE, os.environ['GIVEN'], os.environ['PATH'], os.getuid() > 1000]\n",
    )
    image = Image(own, source, None)
    try:
        runtime.seal(image, {})
        spec = RunnerSpec("own", image, SMALL, {"ALGORITHM_NAME": "A"})
        session = Session(runtime.start_runner(spec), {})
        session.until(b"r")
        path = "/usr/local/bin:/usr/bin:/bin"
        assert session.call(1)["result"] == [7, 'a "b" $c', path, True]
        session.close()
        session.runner.kill()
        # Others who are asked for it find it here.
        assert runtime._images.of_environment(own) == tag_of_environment(own)
    finally:
        runtime.prune(frozenset(), frozenset())
        client.remove_image(tag_of_environment(own), force=True)
        runtime.start_watchdog()
        runtime.stop_watchdog()


def test_a_base_image_that_cannot_be_had_is_told(
    client: "docker.APIClient", images: Images, environment: Path, folder: Path
) -> None:
    (folder / "r").mkdir()
    runtime = DockerRuntime(folder / "s", folder / "r")
    recipe, nobodys = recipe_in(folder), "127.0.0.1:9/nobody/cuda:12"
    own = describe_environment(folder, "own", nobodys, recipe)
    image = Image(own, source_in(folder), None)
    limits = {"environ": {}, "limits": SMALL, "seconds": 20.0}
    step = BuildStep("x", ("true",), own, {}, {}, **limits)  # type: ignore[arg-type]
    for start in (
        lambda: runtime.start_runner(RunnerSpec("own", image, SMALL)),
        lambda: runtime.run_step(step, lambda output: None),
    ):
        with pytest.raises(HostLacks, match=f"{nobodys} is not on this host"):
            start()
    # One that is here and has no Python fails for another reason.
    tiny = folder / f"tiny-{os.urandom(6).hex()}"
    for part in ("usr/bin", "etc"):
        (tiny / part).mkdir(parents=True)
    empty = images.of_environment(tiny)
    with pytest.raises(ImageNotMade, match="was not made of"):
        images.of_environment(describe_environment(folder, "own", empty, recipe))
    client.remove_image(empty)
    assert list((folder / "r").rglob("own*")) == []
    runtime.start_watchdog()
    runtime.stop_watchdog()


def test_a_base_of_a_registrys_python_keeps_nothing_of_the_host(
    client: "docker.APIClient", images: Images, environment: Path, folder: Path
) -> None:
    recipe = folder / "recipe"
    (recipe / "site").mkdir(parents=True)
    (recipe / "requirements.txt").write_text("")
    (recipe / "site" / "brought.py").write_text("VALUE = 7\n")
    for each in (recipe, recipe / "site"):
        each.chmod(0o755)
    parent, tag = "algoport-stand-in:python", f"algoport/made-here:{os.urandom(4).hex()}"
    client.tag(images.of_environment(environment), *parent.split(":"))
    index = {"PIP_INDEX_URL": "https://canary.example/simple"}
    try:
        assert make_from_parent(client, parent, recipe, tag, index)
        assert "canary" not in json.dumps(client.inspect_image(tag))
        script = (
            "import brought, os\n"
            "print(brought.VALUE, sorted(os.listdir('/')))\n"
            "for name in os.listdir('/tmp'):\n"
            "    path = '/tmp/' + name\n"
            "    print(os.listdir(path) if os.path.isdir(path) else os.stat(path).st_size)\n"
        )
        host = client.create_host_config(network_mode="none")
        container = client.create_container(tag, ["python3", "-c", script], host_config=host)["Id"]
        client.start(container)
        client.wait(container)
        said = client.logs(container).decode()
        client.remove_container(container)
        first, *rest = said.splitlines()
        assert first.startswith("7 ") and "recipe" not in first
        # What something was mounted on is empty.
        assert set(rest) <= {"[]", "0"}
        assert "canary" not in json.dumps(client.history(tag))
    finally:
        client.remove_image(parent)
        if images.exists(tag):
            client.remove_image(tag)
    assert not make_from_parent(client, "127.0.0.1:9/nobody/python:1", recipe, tag, index)
    with pytest.raises(ImageNotFound):
        client.inspect_image(tag)
