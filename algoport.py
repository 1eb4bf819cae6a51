"""Importable name of the platform/ folder: platform/accounts is `algoport.accounts`.

The folder cannot be a package called `platform`: that name is the standard library's.
"""

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent / "platform"
if (_FOLDER / "__init__.py").exists():
    raise ImportError(
        f"delete {_FOLDER / '__init__.py'}: it would shadow the standard library's platform module"
    )

__path__ = [str(_FOLDER)]
