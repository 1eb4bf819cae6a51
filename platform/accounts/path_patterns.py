"""A connector's path restriction: an anchored pattern over the whole path in it (design.md 8).

`*` stands for any characters, slashes included; without one it is exactly that path; with a slash
at its end, that directory and all below it. Paths are normalised: no empty, `.` or `..` segments,
and those of directories end with a slash (the root's is empty).
"""


def matches(pattern: str, path: str) -> bool:
    """Whether the pattern covers the path; in time linear in both."""
    head, *rest = _parts(pattern)
    if not rest:
        return path == head
    *middle, tail = rest
    if not path.startswith(head):
        return False
    place = len(head)
    for part in middle:
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return len(path) - len(tail) >= place and path.endswith(tail)


def may_hold(pattern: str, directory: str) -> bool:
    """Whether the pattern covers anything that could be below the directory."""
    head, *rest = _parts(pattern)
    if rest and directory.startswith(head):
        return True
    return head.startswith(directory) and head != directory


def covers(pattern: str, directory: str) -> bool:
    """Whether the pattern covers everything that could be below the directory."""
    return _parts(pattern)[-1:] == [""] and "*" in _whole(pattern) and matches(pattern, directory)


def literal_head(pattern: str) -> str:
    """What every path that the pattern covers begins with."""
    return _parts(pattern)[0]


def _whole(pattern: str) -> str:
    return pattern + "*" if pattern.endswith("/") else pattern


def _parts(pattern: str) -> list[str]:
    return _whole(pattern).split("*")
