"""A storage that has nothing, and remembers what it was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.doubles.http import Handler, serving


@dataclass(frozen=True)
class Asked:
    """A request as it came; `target` with its query and its encoding."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]


@dataclass
class Recorder:
    """What was asked, in its order; everything is answered with 404."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def recording_storage() -> Iterator[Recorder]:
    recorder = Recorder()

    class Storage(Handler):
        def take(self) -> None:
            asked = Asked(self.command, self.path, self.body(), dict(self.headers))
            recorder.asked.append(asked)
            self.answer(404)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = take

    with serving(Storage) as recorder.port:
        yield recorder
