"""Which environment variables an algorithm's secret may be."""

import re

from algorithms.constants import SECRET_VARIABLE_LENGTH
from algorithms.errors import SecretConstraintViolation

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*\Z"
# Variables of the platform, of the sandbox, and those by which one could be made to run, load or
# trust something else; compared without regard to case.
_PREFIXES = (
    *("ALGORITHMIA_", "ALGORITHM_", "ALGOPORT_", "PYTHON", "LD_", "LC_", "MALLOC_", "GLIBC_"),
    *("OPENSSL_", "SSL_"),
)
_NAMES = frozenset(
    {
        *("PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "PWD", "SHELL", "USER", "LOGNAME", "IFS"),
        *("ENV", "BASH_ENV", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    }
)


def check_variable(name: str) -> None:
    """Raises SecretConstraintViolation."""
    if not re.match(NAME_PATTERN, name) or len(name) > SECRET_VARIABLE_LENGTH:
        raise SecretConstraintViolation(
            reason="secret_key is the name of an environment variable: it has letters, digits and"
            f" underscores, begins with no digit, and has at most {SECRET_VARIABLE_LENGTH}"
            " characters"
        )
    upper = name.upper()
    if upper in _NAMES or upper.startswith(_PREFIXES):
        raise SecretConstraintViolation(
            reason="secret_key is the name of a variable that the platform or the system sets;"
            " choose another one"
        )
