"""What users see when processes of the platform are killed (a part of the acceptance steps)."""

import os
import signal
import threading
import time
from typing import Any

import requests

from tests.acceptance.platform import (
    Platform,
    answers,
    create,
    deploy,
    wait_until,
    working_copy,
)
from tests.acceptance.steps import ECHO, Say, unused

SLOW = "import time\n\n\ndef apply(input):\n    time.sleep(input)\n    return 'slept'\n"
SLOW_LOAD = "import time\n\ntime.sleep(4)\n\n\ndef apply(input):\n    return input\n"


def _kill(platform: Platform, marker: str) -> None:
    victims = platform.processes(marker)
    assert victims, marker
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(victims) & set(platform.processes(marker)), 10, f"{marker} is dead")


def _during(platform: Platform, marker: str, say: Say) -> None:
    demo = platform.account(unused("crash"))
    echo = deploy(demo, "Echo", ECHO)
    slow = deploy(demo, "Slow", SLOW)
    path = create(demo, "Loading")
    outcome: dict[str, Any] = {}

    def call() -> None:
        try:
            answer = requests.post(
                f"{platform.url}/v1/algo/{slow}",
                json=20,
                headers={"Authorization": demo.key},
                timeout=60,
            )
            outcome["call"] = answer.text
        except requests.RequestException as exc:
            outcome["call"] = repr(exc)

    def push() -> None:
        with working_copy(demo, path) as copy:
            copy.write("src/Loading.py", SLOW_LOAD)
            outcome["push"] = copy.push().output

    threads = [threading.Thread(target=target) for target in (call, push)]
    for thread in threads:
        thread.start()
    time.sleep(2.5)  # Both are in the middle: the call sleeps for 20 s, the build loads for 4 s.
    sandboxes = platform.sandboxes()
    assert sandboxes
    _kill(platform, marker)
    wait_until(lambda: answers(platform.url), 30, "the platform answers again")
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    say(f"the call in the middle: {outcome['call'][:120]}")
    say(f"the push in the middle: {outcome['push'].strip().splitlines()[-1][:120]}")

    def ended() -> bool:
        builds = demo.client.algo(path).get_builds()["results"]
        return bool(builds) and all(build["status"] != "in-progress" for build in builds)

    wait_until(ended, 60, "no build stays in-progress")
    wait_until(lambda: _call_works(platform, demo.key, echo), 30, "the next call works")
    # What a worker has started ahead belongs to no web process: two sandboxes, of two processes.
    kept = 0 if "worker" in marker else 2 * 2
    wait_until(
        lambda: len(sandboxes & platform.sandboxes()) <= kept,
        30,
        "no runner of the dead is left",
    )


def _call_works(platform: Platform, key: str, address: str) -> bool:
    answer = requests.post(
        f"{platform.url}/v1/algo/{address}", json="x", headers={"Authorization": key}, timeout=60
    )
    return answer.status_code == 200 and answer.json().get("result") == "x"


def kill_worker(platform: Platform, say: Say) -> None:
    """kill -9 the worker during a build and a call."""
    _during(platform, "celery -A algoport --quiet worker", say)


def kill_web(platform: Platform, say: Say) -> None:
    """kill -9 the web process during a build and a call."""
    _during(platform, "gunicorn", say)


CRASH_STEPS = (kill_worker, kill_web)
