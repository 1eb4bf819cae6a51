"""Pages of the site, with 10,000 algorithms and 1,000,000 files in the database.

By itself, as a part of `make bench`: .venv/bin/python -m bench.pages
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator

from playwright.sync_api import BrowserContext

from bench.fill import fill_platform
from bench.load import Request, run_load
from bench.measure import HEADER, Measure
from tests.acceptance.browser import chromium
from tests.acceptance.platform import ROOT, Platform, running_platform
from tests.acceptance.portal import sign_in

ALGORITHMS = 10_000
PAINTED_MS, ANSWERED_MS = 500.0, 100.0
ROUNDS = 5
SECONDS = 1.0
PAGES = {
    "home": "/",
    "algorithms": "/algorithms",
    "an algorithm": "/algorithms/demo/Hello",
    "its source": "/algorithms/demo/Hello/source",
    "data": "/data",
    "1,000,000 files": "/data/browse/data/.my/many",
    "keys": "/user/keys",
}
# What htmx asks for while a page stays.
PARTS = {
    "search of algorithms": "/algorithms?q=filled12",
    "order of algorithms": "/algorithms?sort=newest",
    "page 100 of algorithms": "/algorithms?page=100",
    "search of data sources": "/data?q=hosted",
    "search of 1,000,000 files": "/data/browse/data/.my/many?q=file-05",
}
_PAINTED = """() => new Promise(done => new PerformanceObserver(list => {
    const entries = list.getEntries();
    done(entries[entries.length - 1].startTime);
}).observe({ type: "largest-contentful-paint", buffered: true }))"""


def pages(platform: Platform) -> Iterator[list[Measure]]:
    """The largest paint of each page in a browser that has nothing of it yet, and parts' p50."""
    fill_platform(platform, algorithms=ALGORITHMS, keys=1, calls=1)
    command = [sys.executable, "-m", "bench.hosted", "--fill", "demo"]
    environ = {**platform.environ, "DJANGO_SETTINGS_MODULE": "algoport.settings"}
    subprocess.run(command, cwd=ROOT, env=environ, check=True)
    first = platform.first_run
    session, _ = sign_in(platform, first["username"], first["password"], "/")
    cookies = dict(session.cookies)
    if shutil.which("chromium") is not None:
        yield _painted(platform, cookies)
    else:
        print("chromium is missing: what browsers paint is not measured", file=sys.stderr)
    yield [_answered(platform, cookies, name, path) for name, path in PARTS.items()]


def _painted(platform: Platform, cookies: dict[str, str]) -> list[Measure]:
    measures = []
    with chromium() as browser:
        for name, path in PAGES.items():
            took = []
            for _ in range(ROUNDS):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.add_cookies(
                    [
                        {"name": each, "value": value, "url": platform.url}
                        for each, value in cookies.items()
                    ]
                )
                took.append(_paint(context, f"{platform.url}{path}"))
                context.close()
            median = sorted(took)[ROUNDS // 2]
            measures.append(Measure(f"largest paint: {name}", median, "ms", PAINTED_MS))
    return measures


def _paint(context: BrowserContext, url: str) -> float:
    page = context.new_page()
    answer = page.goto(url, wait_until="load")
    assert answer is not None and answer.ok, (url, answer and answer.status)
    return float(page.evaluate(_PAINTED))


def _answered(platform: Platform, cookies: dict[str, str], name: str, path: str) -> Measure:
    headers = {
        "Cookie": "; ".join(f"{each}={value}" for each, value in cookies.items()),
        "HX-Request": "true",
        "HX-Target": "part",
    }
    port = int(platform.url.rpartition(":")[2])
    request = Request(port, path, b"", headers, "GET")
    run_load(request, connections=1, seconds=0.5)
    load = run_load(request, connections=1, seconds=SECONDS)
    return Measure(f"htmx p50: {name}", load.p50_ms, "ms", ANSWERED_MS)


if __name__ == "__main__":
    print(HEADER)
    with running_platform() as started:
        for measured in pages(started):
            for measure in measured:
                print(measure.line(), flush=True)
