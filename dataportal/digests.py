"""By what a hosted file's bytes are known again: its ETag, and what the storage is checked with."""

import hashlib

import xxhash

# MD5 goes through 700 MiB a second, and the disk is faster.
MD5_BYTES = 64 * 1024 * 1024
LONGEST_DIGEST = 40


class Digest:
    """The MD5 of a file of up to MD5_BYTES; of a larger one `xxh3-` and its 128-bit XXH3."""

    def __init__(self) -> None:
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._xxh3 = xxhash.xxh3_128()

    def update(self, piece: bytes | memoryview) -> None:
        self._size += len(piece)
        self._xxh3.update(piece)
        if self._size <= MD5_BYTES:
            self._md5.update(piece)

    def __str__(self) -> str:
        if self._size <= MD5_BYTES:
            return self._md5.hexdigest()
        return f"xxh3-{self._xxh3.hexdigest()}"
