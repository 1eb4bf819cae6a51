"""What else the released Python client does: environments, templates and its command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.platform import Platform

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


def test_languages_environments_and_the_template(live: Platform, tmp_path: Path) -> None:
    client = live.demo.client
    (language,) = client.get_supported_languages()
    (environment,) = client.get_environment(language["name"])["environments"]
    client.get_template(environment["environment_specification_id"], str(tmp_path / "t"))
    names = {str(path.relative_to(tmp_path / "t")) for path in (tmp_path / "t").rglob("*")}
    assert {"requirements.txt", "src/__ALGO__.py", "algorithmia.conf"} <= names


def test_the_first_entry_of_the_root_is_the_account(live: Platform) -> None:
    assert live.demo.client.username() == "demo"


def test_the_command_line_runs_an_algorithm(live: Platform, tmp_path: Path) -> None:
    algo = Path(sys.executable).with_name("algo")
    environ = {
        "ALGORITHMIA_API_KEY": live.demo.key,
        "ALGORITHMIA_API": live.url,
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, str(algo), "run", "demo/Hello", "-d", "you"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "hello you" in done.stdout, done.stderr
