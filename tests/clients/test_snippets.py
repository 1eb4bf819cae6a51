"""What algorithm pages offer to copy, as it is copied: run, or at least read by its language."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from algorithms.web.snippets import KEY, Call, call_of, snippet_named
from tests.acceptance.platform import Platform, deploy
from tests.acceptance.steps import ECHO, unused
from tests.doubles.npm import NpmMissing, npm_package

SECONDS = 60
# What each language has to quote in a way of its own.
SAMPLES = ('{"name": "it\'s \\"you\\"", "of": [1, null, true]}', 'it\'s "you" #{1} $HOME \\n {}')


def copied(name: str, call: Call, key: str = KEY) -> str:
    return snippet_named(name).write(call).replace(KEY, key)


def left_out(reason: str) -> NoReturn:
    """Loudly, or with ALGOPORT_TEST_STRICT as a failure."""
    if os.environ.get("ALGOPORT_TEST_STRICT"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str, **environ: str) -> str:
    done = subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def echo(live: Platform) -> str:
    """The path of an algorithm that answers what it is given."""
    return deploy(live.account(unused("snippets")), "Echo", ECHO)


@pytest.mark.live
@pytest.mark.xdist_group("live")
@pytest.mark.parametrize("sample", SAMPLES)
class TestRun:
    def expected(self, sample: str) -> object:
        return json.loads(sample) if sample.startswith("{") else sample

    def key(self, live: Platform, echo: str) -> str:
        return live.account(echo.partition("/")[0]).key

    def test_curl(self, live: Platform, echo: str, sample: str) -> None:
        text = copied("curl", call_of(live.url, echo, sample), self.key(live, echo))
        answer = json.loads(run("sh", "-c", text))
        assert answer["result"] == self.expected(sample)

    def test_python(self, live: Platform, echo: str, sample: str) -> None:
        text = copied("python", call_of(live.url, echo, sample), self.key(live, echo))
        assert run(sys.executable, "-c", text).strip() == str(self.expected(sample))

    def test_javascript(self, live: Platform, echo: str, sample: str) -> None:
        try:
            package = npm_package("algorithmia", "0.3.10")
        except NpmMissing as exc:
            left_out(str(exc))
        text = copied("javascript", call_of(live.url, echo, sample), self.key(live, echo))
        # As the page has it, but for the form in which the result is shown.
        text = text.replace("response.get()", "JSON.stringify(response.get())")
        quiet = {"NODE_PATH": str(package.parent), "NODE_NO_WARNINGS": "1"}
        assert json.loads(run("node", "-e", text, **quiet)) == self.expected(sample)


def read_java(text: str, folder: Path) -> None:
    imports, _, rest = text.partition("\n\n")
    source = f"{imports}\nclass Main {{ void call() throws Exception {{\n{rest}\n}} }}\n"
    (folder / "Main.java").write_text(source)
    run("javac", "-XDshould-stop.ifNoError=PARSE", "-d", str(folder), str(folder / "Main.java"))


def read_rust(text: str, folder: Path) -> None:
    imports, _, rest = text.partition("\n\n")
    (folder / "main.rs").write_text(f"{imports}\nfn main() -> Outcome {{\n{rest}\nOk(())\n}}\n")
    run("rustfmt", "--emit", "stdout", "--edition", "2021", str(folder / "main.rs"))


def read_go(text: str, folder: Path) -> None:
    imports, _, rest = text.partition(")\n\n")
    (folder / "main.go").write_text(f"package main\n{imports})\nfunc main() {{\n{rest}\n}}\n")
    run("gofmt", "-e", str(folder / "main.go"))


def read_ruby(text: str, folder: Path) -> None:
    (folder / "main.rb").write_text(text)
    run("ruby", "-c", str(folder / "main.rb"))


def read_r(text: str, folder: Path) -> None:
    (folder / "main.R").write_text(text)
    run("Rscript", "-e", f"parse('{folder / 'main.R'}')")


READERS: dict[str, tuple[str, Callable[[str, Path], None]]] = {
    "java": ("javac", read_java),
    "rust": ("rustfmt", read_rust),
    "go": ("gofmt", read_go),
    "ruby": ("ruby", read_ruby),
    "r": ("Rscript", read_r),
}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", READERS)
def test_it_is_of_its_language(name: str, sample: str, tmp_path: Path) -> None:
    program, read = READERS[name]
    if shutil.which(program) is None:
        left_out(f"{name}: there is no {program}")
    call = call_of("http://localhost:8080", "demo/Echo/0.1.0", sample)
    read(copied(name, call), tmp_path)
    with pytest.raises(AssertionError):
        read(copied(name, call) + "\n)", tmp_path)
