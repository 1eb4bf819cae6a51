"""Writes the table of docs/api-compat.md: `make compat`."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/api-compat.md"
BEGINNING = "<!-- written by make compat -->\n"
END = "<!-- end of what make compat writes -->\n"


def render() -> str:
    """The whole document as it should be."""
    before, _, rest = DOCUMENT.read_text().partition(BEGINNING)
    _, _, after = rest.partition(END)
    return f"{before}{BEGINNING}{''.join(_tables())}{END}{after}"


def _tables() -> Iterator[str]:
    from tests.compat.recording import named_tests, read_record
    from tests.compat.routes import Route, State, django_routes, protocol, state_of

    tests = named_tests(read_record())

    def row(route: Route, *columns: str) -> str:
        cells = (f"`{route.method} {route.path}`", *columns)
        return f"| {' | '.join(cells)} | {tests.get(route.shape, '')} |\n"

    documented = protocol()
    states = {route: state_of(route) for route in documented}
    yield "\n| endpoint | source | state | test |\n|-|-|-|-|\n"
    for route in sorted(documented):
        source = documented[route].removesuffix("*")
        yield row(route, source, states[route])
    counts = [
        f"{list(states.values()).count(state)} {state}"
        for state in State
        if state in states.values()
    ]
    yield f"\n{len(states)} endpoints of the original: {', '.join(counts)}.\n"
    yield "\n## Endpoints of our own\n\n| endpoint | test |\n|-|-|\n"
    known = {route.shape for route in documented}
    for route in sorted(django_routes().values()):
        if route.shape not in known:
            yield row(route)
    yield "\n"


def main() -> None:
    import django

    django.setup()
    DOCUMENT.write_text(render())
    sys.stdout.write(f"wrote {DOCUMENT}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        # Nothing of the platform that is here is asked or touched.
        os.environ["ALGOPORT_DATA"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "algoport.settings")
        main()
