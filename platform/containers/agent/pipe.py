"""Serves a Python algorithm: calls in, results out.

A source that uses the ADK is run as the main program, and the ADK serves it by the langpack
protocol. Any other source is imported, and its `apply(input)` is served from here, by the channel
to the agent: what it carries is told in `program.py`.

What only some algorithms need is imported where it is needed: each import is part of a cold start.
"""

import importlib
import json
import os
import sys

SOURCE = "/opt/algorithm"
CHUNK = 65536
LENGTH_SIZE = 4
# As in program.py.
APART = 1 << 31
MOST_APART = 16 * 1024 * 1024
# A larger buffer goes when its call has ended.
MOST_KEPT = 2 * 1024 * 1024

# What an algorithm may call its failures (spec.md 3.11).
ERROR_TYPES = {
    "InputError",
    "UnsupportedError",
    "InitializationError",
    "OutOfMemoryError",
    "OutOfGpuMemoryError",
    "LanguageError",
    "TooLargeError",
    "ParsingError",
    "EntityNotFoundError",
    "ThirdPartyCredentialError",
    "AlgorithmError",
}


class EntryNotFound(Exception):
    """The repository has no source that could be the algorithm."""


def find_entry(name):
    """Module name below src/ of the algorithm's source."""
    folder = os.path.join(SOURCE, "src")
    for candidate in (name, "Algorithm"):
        if os.path.isfile(os.path.join(folder, candidate + ".py")):
            return candidate
    names = os.listdir(folder) if os.path.isdir(folder) else []
    others = [
        each[:-3]
        for each in names
        if each.endswith(".py") and each != "__init__.py" and not each.endswith("_test.py")
    ]
    if len(others) == 1:
        return others[0]
    raise EntryNotFound(f"There is no src/{name}.py and no src/Algorithm.py in the repository.")


def uses_adk(path):
    """Whether the source imports the ADK, which then serves it."""
    with open(path, "rb") as file:
        source = file.read()
    if b"ADK" not in source:
        return False
    import ast

    tree = ast.parse(source, path)
    return any(
        isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] in ("Algorithmia", "adk")
        and any(alias.name == "ADK" for alias in node.names)
        for node in ast.walk(tree)
    )


def decode(kind, data):
    """What the algorithm is given for an input, which is a view of bytes."""
    if kind == b"b":
        return bytes(data)
    text = str(data, "utf-8")
    return text if kind == b"t" else json.loads(text)


def encode(result):
    """Kind and bytes of a result; half a surrogate pair, which UTF-8 has not, becomes a `?`."""
    if result is None:
        return b"v", b""
    if isinstance(result, str):
        return b"t", result.encode("utf-8", "replace")
    if isinstance(result, (bytes, bytearray)):
        return b"b", result
    return b"j", _compact(result)


def describe(exception, kind=None):
    """The protocol's form of an exception, as a result, with the algorithm's own frames only."""
    import traceback

    frames = [
        frame
        for frame in traceback.extract_tb(exception.__traceback__)
        if frame.filename != __file__
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)]
    lines += traceback.format_exception_only(type(exception), exception)
    message = getattr(exception, "message", None)
    error = {
        "message": message if isinstance(message, str) else _say(exception),
        "stacktrace": "".join(lines),
        "error_type": kind or _type_of(exception),
    }
    return b"e", _compact(error)


def _say(exception):
    return str(exception) or type(exception).__name__


def _type_of(exception):
    if isinstance(exception, MemoryError):
        return "OutOfMemoryError"
    # The documented form is AlgorithmException(message, type), but the released class takes its
    # second argument for a stack trace.
    for name in ("error_type", "stack_trace"):
        given = getattr(exception, name, None)
        if isinstance(given, str) and given in ERROR_TYPES:
            return given
    return "AlgorithmError"


def _compact(value):
    # NaN and infinity have no JSON form: json would write what no client can read.
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.encode("utf-8", "replace")


def _parameters(function):
    import inspect

    return len(inspect.signature(function).parameters)


class Server:
    """The module's `apply`, with what its `load` returned if it wants that."""

    def __init__(self, module):
        self._apply = module.apply
        self._loaded = None
        self._failure = None
        load = getattr(module, "load", None)
        if load is not None:
            self._load(load)
        self._takes_loaded = load is not None and _parameters(self._apply) >= 2

    def _load(self, load):
        try:
            self._loaded = load()
        except Exception as exc:
            if os.environ.get("ALGOPORT_VERIFY_LOAD"):
                raise
            self._failure = describe(exc, "LoadingError")

    def answer(self, kind, data):
        if self._failure is not None:
            return self._failure
        try:
            given = decode(kind, data)
            result = self._apply(given, self._loaded) if self._takes_loaded else self._apply(given)
        except (Exception, SystemExit) as exc:
            return describe(exc)
        try:
            return encode(result)
        except (TypeError, ValueError) as exc:
            return describe(TypeError(f"The result cannot be written as JSON: {exc}"))

    def serve(self, channel, bulk):
        # When this goes, the C library takes blocks of its size for nothing special: it keeps them
        # for the next call, in place of asking the kernel for each of their pages every time.
        bytes(2 * MOST_KEPT)
        channel.sendall(bytes(LENGTH_SIZE))
        for payload in payloads(channel, bulk):
            kind, data = self.answer(bytes(payload[:1]), payload[1:])
            sys.stdout.flush()
            send(channel, bulk, kind, data)


def payloads(channel, bulk):
    """What comes until the other end is closed: views that hold until the next is asked for."""
    buffer, have, large = bytearray(CHUNK), 0, bytearray()
    while have := receive(channel, buffer, have, LENGTH_SIZE):
        length = int.from_bytes(buffer[:LENGTH_SIZE], "big")
        if length & APART:
            length -= APART
            if len(large) < length:
                large = bytearray(length)
            if not receive(bulk, large, 0, length):
                return
            yield memoryview(large)[:length]
            if len(large) > MOST_KEPT:
                large = bytearray()
            end = LENGTH_SIZE
        else:
            end = LENGTH_SIZE + length
            if end > len(buffer):
                buffer = buffer[:have] + bytes(end - have)
            have = receive(channel, buffer, have, end)
            if not have:
                return
            yield memoryview(buffer)[LENGTH_SIZE:end]
        rest = buffer[end:have]
        if len(buffer) > MOST_KEPT:
            buffer = bytearray(CHUNK)
        have = len(rest)
        buffer[:have] = rest


def receive(channel, buffer, have, wanted):
    """Receive until there are as many bytes as wanted; how many there are, or 0 at the end."""
    view = memoryview(buffer)
    while have < wanted:
        size = channel.recv_into(view[have:])
        if not size:
            return 0
        have += size
    return have


def send(channel, bulk, kind, data):
    """Say how long it is, and what."""
    length = 1 + len(data)
    head = length.to_bytes(LENGTH_SIZE, "big") + kind
    if length < CHUNK:
        channel.sendall(head + data)
    elif bulk is None or length > MOST_APART:
        _send_parts(channel, head, data)
    else:
        channel.sendall((APART | length).to_bytes(LENGTH_SIZE, "big"))
        _send_parts(bulk, kind, data)


def _send_parts(through, head, data):
    sent = through.sendmsg((head, data)) - len(head)
    through.sendall(memoryview(data)[sent:])


def watch_loading_of_adk():
    """Let a failing load() of an ADK algorithm end the build's trial start."""
    # By way of Algorithmia: the two packages import each other, and the other order breaks them.
    from Algorithmia import ADK

    original = ADK.load

    def load(self):
        original(self)
        if self.loading_exception is not None:
            raise self.loading_exception

    ADK.load = load


def main(channel, bulk):
    entry = find_entry(os.environ.get("ALGORITHM_NAME", ""))
    sys.path.insert(0, os.path.join(SOURCE, "src"))
    sys.path.insert(0, SOURCE)
    if uses_adk(os.path.join(SOURCE, "src", entry + ".py")):
        if os.environ.get("ALGOPORT_VERIFY_LOAD"):
            watch_loading_of_adk()
        channel.close()
        if bulk is not None:
            bulk.close()
        sys.argv = [entry]
        import runpy

        runpy.run_module("src." + entry, run_name="__main__", alter_sys=True)
        return
    module = importlib.import_module("src." + entry)
    if not callable(getattr(module, "apply", None)):
        raise EntryNotFound(f"src/{entry}.py has no function apply(input).")
    Server(module).serve(channel, bulk)


def run(channel, bulk):
    """Serve the algorithm to its end; the exit code. A failure is told without our own frames."""
    try:
        main(channel, bulk)
    except Exception as exc:
        import traceback

        trace = exc.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(exc.with_traceback(trace))
        return 1
    return 0
