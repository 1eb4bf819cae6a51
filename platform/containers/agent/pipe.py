"""Serves a Python algorithm over the langpack protocol: lines in, lines out (langpack guide).

A source that uses the ADK is run as the main program, and the ADK serves it. Any other source is
imported, and its `apply(input)` is served from here.

What only some algorithms need is imported where it is needed: each import is part of a cold start.
"""

import binascii
import importlib
import json
import os
import sys

SOURCE = "/opt/algorithm"
FIFO = "/tmp/algoout"
# How a line with such an input begins and ends; the platform writes it so.
BINARY = b'{"content_type":"binary","data":"'
TEXT = b'{"content_type":"text","data":"'
END = b'"}\n'
# What a JSON string has only behind a backslash.
CONTROLS = bytes(range(32))
LINE_BUFFER = 1024 * 1024


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


def decode(line):
    """What the algorithm is given; text and bytes are read as JSON only where they must be."""
    if line.endswith(END):
        if line.startswith(BINARY):
            return binascii.a2b_base64(memoryview(line)[len(BINARY) : -len(END)])
        if line.startswith(TEXT) and b"\\" not in line:
            return str(memoryview(line)[len(TEXT) : -len(END)], "utf-8")
    request = json.loads(line)
    data = request["data"]
    return binascii.a2b_base64(data) if request["content_type"] == "binary" else data


def encode(result):
    """The protocol's line for a result, as text or as bytes."""
    if result is None:
        kind = "void"
    elif isinstance(result, str):
        kind = "text"
        encoded = result.encode("utf-8", "replace")
        if b'"' not in encoded and b"\\" not in encoded and _has_no_controls(encoded):
            return b'{"result":"%b","metadata":{"content_type":"text"}}' % encoded
    elif isinstance(result, (bytes, bytearray)):
        encoded = binascii.b2a_base64(result, newline=False)
        return b'{"result":"%b","metadata":{"content_type":"binary"}}' % encoded
    else:
        kind = "json"
    return _compact({"result": result, "metadata": {"content_type": kind}})


def _has_no_controls(encoded):
    return len(encoded.translate(None, CONTROLS)) == len(encoded)


def describe(exception, kind=None):
    """The protocol's form of an exception, with the algorithm's own frames only."""
    import traceback

    frames = [
        frame
        for frame in traceback.extract_tb(exception.__traceback__)
        if frame.filename != __file__
    ]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)]
    lines += traceback.format_exception_only(type(exception), exception)
    message = getattr(exception, "message", None)
    return _compact(
        {
            "error": {
                "message": message if isinstance(message, str) else _say(exception),
                "stacktrace": "".join(lines),
                "error_type": kind or _type_of(exception),
            }
        }
    )


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
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def write(line):
    """Pass a result on as UTF-8; half a surrogate pair, which has none, becomes a `?`."""
    if isinstance(line, str):
        line = line.encode("utf-8", "replace")
    with open(FIFO, "wb", buffering=0) as out:
        rest = memoryview(line + b"\n")
        while rest:
            rest = rest[out.write(rest) :]


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

    def answer(self, line):
        if self._failure is not None:
            return self._failure
        try:
            given = decode(line)
            result = self._apply(given, self._loaded) if self._takes_loaded else self._apply(given)
        except (Exception, SystemExit) as exc:
            return describe(exc)
        try:
            return encode(result)
        except (TypeError, ValueError) as exc:
            return describe(TypeError(f"The result cannot be written as JSON: {exc}"))

    def serve(self):
        print("PIPE_INIT_COMPLETE", flush=True)
        with open(0, "rb", buffering=LINE_BUFFER, closefd=False) as lines:
            for line in lines:
                write(self.answer(line))
                sys.stdout.flush()


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


def main():
    entry = find_entry(os.environ.get("ALGORITHM_NAME", ""))
    sys.path.insert(0, os.path.join(SOURCE, "src"))
    sys.path.insert(0, SOURCE)
    if uses_adk(os.path.join(SOURCE, "src", entry + ".py")):
        if os.environ.get("ALGOPORT_VERIFY_LOAD"):
            watch_loading_of_adk()
        sys.argv = [entry]
        import runpy

        runpy.run_module("src." + entry, run_name="__main__", alter_sys=True)
        return
    module = importlib.import_module("src." + entry)
    if not callable(getattr(module, "apply", None)):
        raise EntryNotFound(f"src/{entry}.py has no function apply(input).")
    Server(module).serve()


def run():
    """Serve the algorithm to its end; the exit code. A failure is told without our own frames."""
    try:
        main()
    except Exception as exc:
        import traceback

        trace = exc.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(exc.with_traceback(trace))
        return 1
    return 0
