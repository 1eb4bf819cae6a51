"""Secrets on their way into the sandboxes of their algorithm, and out of its logs."""

import logging
from uuid import UUID

from algoport.encryption import NotDecryptable, Reencryption, decrypt, encrypt_rows_again
from algorithms.errors import SecretsNotReadable
from algorithms.models import AlgorithmSecret

logger = logging.getLogger(__name__)

# What is shorter is a flag or a number: to hide each of them would tear the log to pieces.
_SHORTEST_HIDDEN = 4
_HIDDEN = b"[secret]"


def secret_environ(algorithm_id: UUID) -> dict[str, str]:
    """What the algorithm finds in its environment. Raises SecretsNotReadable."""
    rows = AlgorithmSecret.objects.filter(algorithm_id=algorithm_id)
    try:
        return {name: decrypt(value) for name, value in rows.values_list("variable", "value")}
    except NotDecryptable as exc:
        logger.error("The secrets of algorithm %s: %s", algorithm_id, exc)
        raise SecretsNotReadable from exc


def hide_secrets(output: bytes, environ: dict[str, str]) -> bytes:
    """The output without the values, nor lines of them where they have several."""
    hidden = {value.strip() for value in environ.values()}
    hidden |= {line.strip() for value in environ.values() for line in value.splitlines()}
    # Longer ones first: one may be part of another.
    for text in sorted(hidden, key=len, reverse=True):
        if len(text) >= _SHORTEST_HIDDEN:
            output = output.replace(text.encode(), _HIDDEN)
    return output


def encrypt_algorithm_secrets_again() -> Reencryption:
    """Encrypt every secret with the first encryption key; the values stay the same ones."""
    rows = AlgorithmSecret.objects.select_related("algorithm__owner")
    return encrypt_rows_again(rows, "value")
