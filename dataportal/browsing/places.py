"""Places of the Data Portal: what pages call a path, `data/demo/photos` or `s3+lab/bucket/a/`."""

from dataclasses import dataclass
from urllib.parse import quote

from dataportal.errors import InvalidPath
from dataportal.paths import DATA, DataPath, check_name, parse_raw_path


@dataclass(frozen=True, slots=True)
class Crumb:
    """A place above another, and what it is called there."""

    name: str
    place: str


def parse_place(text: str) -> DataPath:
    """Raises InvalidPath, PathNotFound."""
    # Line ends and the like are refused before they are quoted.
    for segment in text.split("/"):
        check_name(segment)
    return parse_raw_path(f"/v1/connector/{quote(text)}".encode())


def place_of(path: DataPath) -> str:
    return "/".join((path.connector, *path.segments)) + ("/" if path.trailing_slash else "")


def place_in(path: DataPath, name: str, *, is_folder: bool = False) -> str:
    """The place of this name in a folder; "" for a name that no path can have."""
    try:
        check_name(name)
    except InvalidPath:
        return ""
    if not name or "/" in name:
        return ""
    # Of hosted data every folder is known as one.
    slash = "/" if is_folder and path.connector != DATA else ""
    return "/".join((path.connector, *path.segments, name)) + slash


def uri_of(path: DataPath) -> str:
    """As algorithms and clients write it."""
    return f"{path.connector}://{'/'.join(path.segments)}"


def address_of(place: str) -> str:
    """Where the data plane answers for a place."""
    return f"/v1/connector/{quote(place)}"


def crumbs_of(path: DataPath) -> list[Crumb]:
    """The folders above a place, from its source on."""
    is_hosted = path.connector == DATA
    found = [] if is_hosted else [Crumb(f"{path.connector}://", f"{path.connector}/")]
    for number in range(len(path.segments)):
        upto = "/".join((path.connector, *path.segments[: number + 1]))
        found.append(Crumb(path.segments[number], upto if is_hosted else f"{upto}/"))
    return found[:-1]


def parent_of(path: DataPath) -> str:
    """The place of the folder that it is in; "" for a source."""
    crumbs = crumbs_of(path)
    return crumbs[-1].place if crumbs else ""
