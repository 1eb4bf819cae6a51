"""platform/ is importable as `algoport` and never shadows the standard library."""

import importlib
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_standard_library_keeps_its_platform_module() -> None:
    assert Path(platform.__file__).parent == Path(sysconfig.get_path("stdlib"))
    assert platform.system()


def test_algoport_finds_the_folder() -> None:
    module = importlib.import_module("algoport.errors")
    assert module.__file__ is not None
    assert Path(module.__file__) == ROOT / "platform" / "errors.py"


def test_an_init_file_in_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "__init__.py").touch()
    (tmp_path / "algoport.py").write_text((ROOT / "algoport.py").read_text())
    done = subprocess.run(
        [sys.executable, "-c", "import algoport"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "delete" in done.stderr and "__init__.py" in done.stderr
