"""Containers against what the engine itself takes for one, and against the sandbox runtime."""

import statistics
import time
from collections.abc import Iterator

import docker

from algoport.containers.docker_images import BUILD_LABEL
from algoport.containers.docker_runtime import connect
from algoport.containers.errors import RuntimeUnavailable
from bench.load import Request, call, run_load
from bench.measure import Measure
from bench.starts import first_call, session_of
from tests.acceptance.platform import Account, Platform, deploy, running_platform, working_copy

ROUNDS = 9
LOADS = 3
REBUILDS = 5


def containers(source: str) -> Iterator[list[Measure]]:
    """Nothing, and a line that says so, where no engine answers."""
    try:
        client = connect()
    except RuntimeUnavailable as exc:
        print(f"containers are left out: {exc}", flush=True)
        return
    with client, running_platform(ALGOPORT_RUNTIME="docker") as contained:
        demo = contained.account("bench")
        yield [_cold_start(client, contained, demo, source)]
        yield [_rebuild(demo, source)]
        with running_platform() as sandboxed:
            yield [_warm(contained, sandboxed, source)]


def _cold_start(
    client: "docker.APIClient", platform: Platform, demo: Account, source: str
) -> Measure:
    """First call of a commit that nobody has called, in turn with a container of its image."""
    took, bare = [], []
    session = session_of(platform)
    for number in range(ROUNDS):
        address = deploy(demo, f"Cold{number}", source)
        # Removing the container of the build's own start goes on for a moment.
        time.sleep(0.5)
        newest = client.images(filters={"label": BUILD_LABEL})[0]["Id"]
        bare.append(_bare_start(client, newest))
        took.append(first_call(session, demo, address))
    ours, reference = (statistics.median(each) * 1000 for each in (took, bare))
    return Measure("container: cold start / bare create and start", ours, "ms", reference, 1.3)


def _bare_start(client: "docker.APIClient", image: str) -> float:
    """Seconds from the SDK's create to the first output of Python, no limits or mounts."""
    host = client.create_host_config(network_mode="none")
    began = time.perf_counter()
    container = client.create_container(image, ["python3", "-c", "print()"], host_config=host)["Id"]
    output = client.attach(container, stream=True)
    client.start(container)
    first = next(output)
    took = time.perf_counter() - began
    assert first == b"\n"
    client.wait(container)
    client.remove_container(container)
    return took


def _rebuild(demo: Account, source: str) -> Measure:
    """`git push` of a change of the source alone; the layer of packages is there."""
    deploy(demo, "Rebuilt", source, requirements="humanize\n")
    took = []
    with working_copy(demo, f"{demo.name}/Rebuilt") as copy:
        for number in range(REBUILDS):
            copy.write("src/Rebuilt.py", f"{source}# {number}\n")
            began = time.perf_counter()
            push = copy.push()
            took.append(time.perf_counter() - began)
            assert push.sha in push.output
    return Measure("container: source-only rebuild, whole push", statistics.median(took), "s", 5)


def _warm(contained: Platform, sandboxed: Platform, source: str) -> Measure:
    """p50 of warm calls with one connection, in turn."""
    requests = [_hello(platform, source) for platform in (contained, sandboxed)]
    took: list[list[float]] = [[], []]
    for _ in range(LOADS):
        for request, each in zip(requests, took, strict=True):
            each.append(run_load(request, connections=1, seconds=2).p50_ms)
    ours, reference = map(statistics.median, took)
    return Measure("container: warm call p50 / the sandbox's", ours, "ms", reference, 1.3)


def _hello(platform: Platform, source: str) -> Request:
    demo = platform.account("warm")
    path = deploy(demo, "Hello", source, publish="public").rsplit("/", 1)[0]
    request = call(int(platform.url.rsplit(":", 1)[1]), path, demo.key, b"you")
    run_load(request, connections=1, seconds=1)
    return request
