"""Runs inside a sandbox: starts the algorithm, passes calls on, pipes its API calls out.

Standard library only, few imports: every one of them is part of a cold start. The algorithm runs
with the same rights as this process; the host treats all that comes out as hostile.

Python algorithms run in a fork of this process that has the pipe program imported already. It may
wait for long: what to run is said by a file that the host puts into our folder before it connects.
"""

import _thread
import json
import os
import resource
import select
import socket
import sys
import time

from program import (
    CHUNK,
    HEAD_SIZE,
    LENGTH_SIZE,
    MOST_OUTPUT,
    MOST_RESULT,
    READ_SIZE,
    SOCKET_BUFFER,
    Algorithm,
    Channel,
    Lines,
    Output,
    read_begin,
)
from relay import Relay

RUN = "/run/algoport"
PLATFORM, EGRESS = RUN + "/platform.sock", RUN + "/egress.sock"
# What to run: {"environ": {...}}; the host's first frame has more variables, which are no file's.
START = RUN + "/start.json"
API_PORT, EGRESS_PORT = 9000, 3128
READY_LINE = b"PIPE_INIT_COMPLETE"


class Agent:
    """One connection to the host, one process of the algorithm."""

    def __init__(self, connection, algorithm, environ, bulk):
        self.is_called = False
        self._has_bulk = bulk is not None
        self._host = connection
        self._output = Output()
        self._head = bytearray()
        self._head_size = HEAD_SIZE
        self._body_left = 0
        self._outgoing = []
        self._buffer = bytearray(READ_SIZE)
        self._lease_ends = 0
        self._ready = False
        self._line_ends = False
        self._tail = b""
        self._stdout = algorithm.stdout
        self._lines, self._channel = Lines(self, algorithm), Channel(self, algorithm)
        # Until it is ready, or has closed that.
        self._link = self._channel
        self._waits_for_room = False
        self._poll = select.poll()
        self._ended = algorithm.start(environ, bulk)
        if self._has_bulk:
            os.close(bulk)
        self._child = algorithm.pid

    def serve(self):
        for descriptor in (self._lines.source, self._channel.source, self._stdout, self._ended):
            self._poll.register(descriptor, select.POLLIN)
        self._poll.register(self._host, select.POLLIN)
        handlers = {
            self._host.fileno(): lambda event: self._on_host(),
            self._lines.source: lambda event: self._lines.on_result(),
            self._channel.source: self._on_channel,
            self._stdout: lambda event: self._on_output(),
            self._lines.target: lambda event: self._write(),
        }
        while True:
            events = dict(self._poll.poll(self._time_left()))
            for descriptor, handler in handlers.items():
                if descriptor in events:
                    handler(events[descriptor])
            if self._channel.is_ready and not self._ready:
                self._drain(4 * MOST_OUTPUT)
                self._be_ready()
            if self._ended in events:
                self._report_end()

    def begin_result(self, beginning, length):
        """The first part of the call's result, or all of it; what was printed goes before it."""
        self._drain(4 * MOST_OUTPUT)
        self._send_output()
        self._send_frame(b"d", beginning, length)

    def announce_result(self, length):
        """The call's result, of this length, goes past us; what was printed goes before it."""
        if not 0 < length <= MOST_RESULT:
            self.refuse_result()
            return
        self._drain(4 * MOST_OUTPUT)
        self._send_output()
        self._send_frame(b"a", length.to_bytes(LENGTH_SIZE, "big"))
        self.end_call()

    def refuse_result(self):
        """The call's result is larger than any may be."""
        self._drain(4 * MOST_OUTPUT)
        self._send_output()
        self._send_frame(b"l")
        self.end_call()

    def end_call(self):
        """The call has its whole result."""
        self.is_called = False

    def send(self, data, head=b""):
        """More of the result that was begun."""
        try:
            # In one go: the host wakes up once for both, and none is copied.
            sent = self._host.sendmsg((head, data)) - len(head) if head else 0
            self._host.sendall(data[sent:])
        except OSError:
            os._exit(0)  # The gateway is gone, or has not taken anything for a whole lease.

    def lose_channel(self):
        """The program has closed its end: it speaks in lines, or has ended."""
        self._poll.unregister(self._channel.source)
        if self._channel.is_ready:
            self._waits_for_room = False
        else:
            self._link = self._lines

    def _be_ready(self):
        self._ready = True
        self._send_output()
        takes_bulk = self._has_bulk and self._link is self._channel
        self._send_frame(b"r", b"a" if takes_bulk else b"")

    def _send_frame(self, kind, payload=b"", length=None):
        head = kind + (len(payload) if length is None else length).to_bytes(4, "big")
        if len(payload) < CHUNK:
            self.send(head + payload)
        else:
            self.send(payload, head)

    def _time_left(self):
        """Milliseconds that the call's lease has left; the end of all this when it has none."""
        if not self.is_called or not self._lease_ends:
            return None
        left = self._lease_ends - time.monotonic_ns()
        if left <= 0:
            # Somebody else may run this call from now on.
            os._exit(0)
        return left // 1_000_000 + 1

    def _on_host(self):
        if self._outgoing:
            self._buffer = bytearray(READ_SIZE)  # What waits to be passed on is in the old one.
        size = self._host.recv_into(self._buffer)
        if not size:
            os._exit(0)  # The gateway is gone, and with it the reason for this sandbox.
        rest = memoryview(self._buffer)[:size]
        while rest:
            rest = self._pass_on(rest) if self._body_left else self._read_head(rest)
        self._write()

    def _pass_on(self, data):
        """The rest of a call goes to the algorithm as it comes."""
        piece = data[: self._body_left]
        self._body_left -= len(piece)
        self._outgoing += self._link.feed(piece, not self._body_left)
        return data[len(piece) :]

    def _read_head(self, data):
        missing = self._head_size - len(self._head)
        self._head += data[:missing]
        if len(self._head) == self._head_size:
            self._end_head()
        return data[missing:]

    def _end_head(self):
        length = int.from_bytes(self._head[1:HEAD_SIZE], "big")
        kind = self._head[:1]
        if kind in (b"h", b"k") and self._head_size == HEAD_SIZE:
            self._head_size += length
            return
        if kind == b"h":
            self._lease_ends = int(self._head[HEAD_SIZE:])
            # A host that takes nothing for so long has lost the call.
            left = self._lease_ends - time.monotonic_ns()
            self._host.settimeout(max(left, 1) / 1e9)
        else:
            self._link.forget()
            self.is_called = True
            self._time_left()
            if kind == b"k":
                length = int.from_bytes(self._head[HEAD_SIZE:], "big")
                self._outgoing += self._channel.begin_apart(length)
            else:
                self._body_left = length
                self._outgoing += self._link.begin(length)
        self._head.clear()
        self._head_size = HEAD_SIZE

    def _on_channel(self, event):
        if event & select.POLLOUT:
            self._write()
        if event & (select.POLLIN | select.POLLHUP):
            self._channel.on_result()

    def _write(self):
        """Pass on what there is room for; the rest when there is."""
        try:
            while self._outgoing:
                sent = os.writev(self._link.target, self._outgoing[:8])
                while sent:
                    first = self._outgoing[0]
                    if sent < len(first):
                        self._outgoing[0] = memoryview(first)[sent:]
                        break
                    sent -= len(first)
                    del self._outgoing[0]
        except BlockingIOError:
            self._wait_for_room(wanted=True)
            return
        except (BrokenPipeError, ConnectionResetError):
            self._outgoing.clear()  # It ended; that is reported by its pidfd.
        self._wait_for_room(wanted=False)

    def _wait_for_room(self, *, wanted):
        is_lost = self._link is self._channel and self._channel.is_lost
        if is_lost or wanted == self._waits_for_room:
            return
        self._waits_for_room = wanted
        if self._link is self._channel:
            self._poll.modify(self._link.target, select.POLLIN | (wanted and select.POLLOUT))
        elif wanted:
            self._poll.register(self._link.target, select.POLLOUT)
        else:
            self._poll.unregister(self._link.target)

    def _on_output(self):
        if not self._drain(CHUNK):
            self._poll.unregister(self._stdout)

    def _drain(self, most):
        """Take what was printed, up to about `most` bytes; False at the end of the pipe."""
        while most > 0:
            try:
                data = os.read(self._stdout, CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            most -= len(data)
            if self._ready:
                self._add(data)
                continue
            # What speaks in lines has closed the channel before it said that it is ready.
            if self._link is self._channel and not self._channel.is_ready:
                self._channel.on_result()
            if self._link is self._channel:
                self._output.add(data)
            else:
                self._look_for_ready(data)
        return True

    def _look_for_ready(self, data):
        text = self._tail + data
        before, found, after = text.partition(READY_LINE)
        if not found:
            keep = len(READY_LINE) - 1
            self._output.add(text[:-keep])
            self._tail = text[-keep:]
            return
        self._tail = b""
        self._output.add(before)
        self._be_ready()
        self._line_ends = True
        self._add(after)

    def _add(self, data):
        """Keep output; the end of the line that said we are ready is not the algorithm's."""
        if self._line_ends and data:
            self._line_ends = False
            data = data.removeprefix(b"\n")
        self._output.add(data)

    def _send_output(self):
        text = self._output.take()
        if text:
            self._send_frame(b"o", text)

    def _report_end(self):
        _, status = os.waitpid(self._child, 0)
        while self._channel.on_result():
            continue
        if self._channel.is_amid_result:
            os._exit(0)  # The host would take what we say for the rest of it.
        self._drain(4 * MOST_OUTPUT)
        self._output.add(self._tail)
        self._send_output()
        code = os.waitstatus_to_exitcode(status)
        self._send_frame(b"e", b'{"exit_code":%d}' % code)
        os._exit(0)


def start_relay(port, path):
    _thread.start_new_thread(Relay(port, path).run, ())


def start_egress():
    """The way to the proxy, where the host has put one: without a network there is none."""
    if os.path.exists(EGRESS):
        start_relay(EGRESS_PORT, EGRESS)


def lower_limits():
    """Limits for all that runs here; what is counted per user counts inside our namespace."""
    processes, files, data = (int(each) for each in os.environ.pop("ALGOPORT_LIMITS").split())
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if data:
        resource.setrlimit(resource.RLIMIT_DATA, (data, data))


def wait_for_go(lifeline):
    """Go on only when the host has put its limits on us; it may die before that."""
    os.set_inheritable(lifeline, False)
    if not os.read(lifeline, 1):
        os._exit(1)


def install_filter(path):
    """Put the host's filter of system calls on this process and all that it starts."""
    import ctypes  # Where bubblewrap has put it on us already, its time is saved.

    with open(path, "rb") as stream:
        program = stream.read()
    code = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    made = Filter(len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    pr_set_seccomp, filter_mode = 22, 2
    if libc.prctl(pr_set_seccomp, filter_mode, ctypes.byref(made), 0, 0):
        raise OSError(ctypes.get_errno(), "the filter of system calls is refused")


def connect_to_host(path):
    """The descriptor of a connection that lasts as long as the host's worker, and as we do."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection.detach()


def end_with_host(lifeline):
    """The kernel's own signal comes too early to be seen when the host dies while we start."""
    try:
        os.read(lifeline, 1)
    finally:
        os._exit(1)


def listen_at(path):
    """A socket on which the host finds us, listening from the moment on that it has its name."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    # The host's user is another; nobody else can walk to it.
    os.chmod(path + ".new", 0o666)
    listener.listen(1)
    os.rename(path + ".new", path)
    return listener


def run_algorithm(listener, lifeline):
    # Fork before there are threads, and while the host does its part.
    algorithm = Algorithm()
    with listener:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(lifeline, select.POLLIN)
        if lifeline in dict(poll.poll()):
            os._exit(1)
        connection, _ = listener.accept()
    _thread.start_new_thread(end_with_host, (lifeline,))
    # As much of it as the machine allows; fewer switches for large payloads.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
    start_relay(API_PORT, PLATFORM)
    start_egress()
    with open(START) as start:
        environ = json.load(start)["environ"]
    given, bulk = read_begin(connection)
    Agent(connection, algorithm, {**given, **environ}, bulk).serve()


def run_step(argv):
    """A step of a build: the egress relay, and the command as a child whose status is ours."""
    start_egress()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("ALGOPORT_")}
    pid = os.posix_spawnp(argv[0], argv, environ)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def main():
    # --worker=TOKEN:FD; the token lets the host find what a dead worker left behind.
    where = sys.argv[1].rpartition(":")[2]
    if where.startswith("/"):
        run_in_container(where)
        return
    host = int(where)
    wait_for_go(host)
    lower_limits()
    if sys.argv[2].startswith("--listen="):
        # The host has made the socket and listens on it already.
        run_algorithm(socket.socket(fileno=int(sys.argv[2].partition("=")[2])), host)
    else:
        _thread.start_new_thread(end_with_host, (host,))
        run_step(sys.argv[2:])


def run_in_container(host):
    """The same where the host can hand no descriptor over, and limits are on us already.

    Nothing of the algorithm's runs before the host has taken the folder of our socket back.
    """
    os.environ.pop("HOSTNAME", None)
    install_filter(RUN + "/filter")
    lower_limits()
    if not sys.argv[2].startswith("--listen="):
        _thread.start_new_thread(end_with_host, (connect_to_host(host),))
        run_step(sys.argv[2:])
        return
    listener = listen_at(sys.argv[2].partition("=")[2])
    run_algorithm(listener, connect_to_host(host))
