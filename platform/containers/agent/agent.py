"""Runs inside a sandbox: starts the algorithm, passes calls on, pipes its API calls out.

Standard library only, few imports: every one of them is part of a cold start. The algorithm runs
with the same rights as this process; the host treats all that comes out as hostile.

Python algorithms run in a fork of this process that has the pipe program imported already. It may
wait for long: what to run is said by a file that the host puts into our folder before it connects.
"""

import _thread
import fcntl
import json
import os
import resource
import select
import socket
import sys
import time

RUN = "/run/algoport"
FIFO = "/tmp/algoout"
PLATFORM, EGRESS = RUN + "/platform.sock", RUN + "/egress.sock"
# What to run: {"environ": {...}}.
START = RUN + "/start.json"
ALGORITHM, PACKAGES = "/opt/algorithm", "/opt/packages"
API_PORT, EGRESS_PORT = 9000, 3128
COMMANDS = ("/usr/local/bin/algorithmia-pipe", "/opt/algorithm/bin/pipe")
READY_LINE = b"PIPE_INIT_COMPLETE"
MOST_OUTPUT = 1024 * 1024
MOST_RESULT = 16 * 1024 * 1024
MOST_RELAYED = 64
HEAD_SIZE = 5
CHUNK = 65536
SOCKET_BUFFER = 4 * 1024 * 1024
READ_SIZE = 1024 * 1024


def send_frame(connection, kind, payload=b""):
    head = kind + len(payload).to_bytes(4, "big")
    try:
        connection.sendall(head + payload if len(payload) < CHUNK else head)
        if len(payload) >= CHUNK:
            connection.sendall(payload)
    except OSError:
        os._exit(0)  # The gateway is gone, or has not taken anything for a whole lease.


class Output:
    """What the algorithm has printed since it was last asked, of bounded size."""

    def __init__(self):
        self._parts = []
        self._size = 0
        self._cut = 0

    def add(self, data):
        room = MOST_OUTPUT - self._size
        if room > 0:
            self._parts.append(data[:room])
            self._size += min(len(data), room)
        self._cut += max(0, len(data) - max(room, 0))

    def take(self):
        text = b"".join(self._parts)
        if self._cut:
            text += b"\n[%d more bytes of output were cut off]\n" % self._cut
        self._parts, self._size, self._cut = [], 0, 0
        return text


class Algorithm:
    """The process of the algorithm, held back until it is told what to run."""

    def __init__(self):
        os.mkfifo(FIFO, 0o644)
        # Open for both directions: writers may come and go without the pipe ending.
        self.fifo = os.open(FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        _grow(self.fifo)
        self._stdin_read, self.stdin = os.pipe2(os.O_CLOEXEC)
        self.stdout, self._stdout_write = os.pipe2(os.O_CLOEXEC)
        _grow(self.stdin)
        os.set_blocking(self.stdin, False)
        os.set_blocking(self.stdout, False)
        go_read, self._go = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if not self.pid:
            self._become(go_read)
        os.close(go_read)

    def start(self, environ):
        """Let it go on, with this environment; returns the descriptor that tells its end."""
        command = next((path for path in COMMANDS if os.access(path, os.X_OK)), None)
        if command:
            os.close(self._go)
            os.waitpid(self.pid, 0)
            self._spawn(command, environ)
        else:
            with os.fdopen(self._go, "w") as go:
                json.dump(environ, go)
        os.close(self._stdin_read)
        os.close(self._stdout_write)
        return os.pidfd_open(self.pid)

    def _spawn(self, command, environ):
        self.pid = os.posix_spawn(
            command,
            [command],
            {**os.environ, **environ},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, self._stdin_read, 0),
                (os.POSIX_SPAWN_DUP2, self._stdout_write, 1),
                (os.POSIX_SPAWN_DUP2, self._stdout_write, 2),
            ],
        )

    def _become(self, go):
        """In the fork: turn into the pipe program, as if it had been started by itself."""
        for number, descriptor in enumerate(
            (self._stdin_read, self._stdout_write, self._stdout_write)
        ):
            os.dup2(descriptor, number)
        os.dup2(go, 3, inheritable=False)
        os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        import pipe

        sys.path.remove(os.path.dirname(pipe.__file__))
        text = b""
        while data := os.read(3, CHUNK):
            text += data
        os.close(3)
        if not text:
            os._exit(0)
        os.environ.update(json.loads(text))
        os.chdir(ALGORITHM)
        sys.argv = [pipe.__file__]
        # Behind the standard library, before what the environment brings.
        places = [i for i, each in enumerate(sys.path) if each.endswith("-packages")]
        place = places[0] if places else len(sys.path)
        sys.path[place:place] = [PACKAGES, ALGORITHM]
        sys.modules["__main__"] = pipe
        sys.exit(pipe.run())


class Agent:
    """One connection to the host, one process of the algorithm."""

    def __init__(self, connection, algorithm, environ):
        self._host = connection
        self._output = Output()
        self._head = bytearray()
        self._head_size = HEAD_SIZE
        self._body_left = 0
        self._outgoing = []
        self._result = []
        self._result_size = 0
        self._is_called = False
        self._lease_ends = 0
        self._ready = False
        self._line_ends = False
        self._tail = b""
        self._fifo, self._stdin, self._stdout = algorithm.fifo, algorithm.stdin, algorithm.stdout
        self._ended = algorithm.start(environ)
        self._child = algorithm.pid

    def serve(self):
        poll = select.poll()
        poll.register(self._host, select.POLLIN)
        poll.register(self._fifo, select.POLLIN)
        poll.register(self._stdout, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        handlers = {
            self._host.fileno(): self._on_host,
            self._fifo: self._on_result,
            self._stdout: lambda: self._on_output(poll),
            self._stdin: lambda: self._on_room(poll),
        }
        while True:
            events = dict(poll.poll(self._time_left()))
            for descriptor, handler in handlers.items():
                if descriptor in events:
                    handler()
            if self._outgoing:
                poll.register(self._stdin, select.POLLOUT)
            if self._ended in events:
                self._report_end()

    def _time_left(self):
        """Milliseconds that the call's lease has left; the end of all this when it has none."""
        if not self._is_called or not self._lease_ends:
            return None
        left = self._lease_ends - time.monotonic_ns()
        if left <= 0:
            # Somebody else may run this call from now on.
            os._exit(0)
        return left // 1_000_000 + 1

    def _on_host(self):
        data = self._host.recv(READ_SIZE)
        if not data:
            os._exit(0)  # The gateway is gone, and with it the reason for this sandbox.
        rest = memoryview(data)
        while rest:
            rest = self._pass_on(rest) if self._body_left else self._read_head(rest)
        self._write()

    def _pass_on(self, data):
        """The rest of a call goes to the algorithm as it comes."""
        piece = data[: self._body_left]
        self._outgoing.append(piece)
        self._body_left -= len(piece)
        if not self._body_left:
            self._outgoing.append(b"\n")
        return data[len(piece) :]

    def _read_head(self, data):
        missing = self._head_size - len(self._head)
        self._head += data[:missing]
        if len(self._head) == self._head_size:
            self._end_head()
        return data[missing:]

    def _end_head(self):
        length = int.from_bytes(self._head[1:HEAD_SIZE], "big")
        if self._head[:1] == b"h":
            if self._head_size == HEAD_SIZE:
                self._head_size += length
                return
            self._lease_ends = int(self._head[HEAD_SIZE:])
            # A host that takes nothing for so long has lost the call.
            left = self._lease_ends - time.monotonic_ns()
            self._host.settimeout(max(left, 1) / 1e9)
        else:
            self._forget_late_results()
            self._is_called = True
            self._time_left()
            self._body_left = length
        self._head.clear()
        self._head_size = HEAD_SIZE

    def _on_room(self, poll):
        self._write()
        if not self._outgoing:
            poll.unregister(self._stdin)

    def _write(self):
        try:
            while self._outgoing:
                sent = os.writev(self._stdin, self._outgoing[:8])
                while sent:
                    first = self._outgoing[0]
                    if sent < len(first):
                        self._outgoing[0] = memoryview(first)[sent:]
                        break
                    sent -= len(first)
                    del self._outgoing[0]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._outgoing.clear()  # It ended; that is reported by its pidfd.

    def _on_output(self, poll):
        if not self._drain(CHUNK):
            poll.unregister(self._stdout)

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
        self._ready = True
        self._output.add(before)
        self._send_output()
        send_frame(self._host, b"r")
        self._line_ends = True
        self._add(after)

    def _add(self, data):
        """Keep output; the end of the line that said we are ready is not the algorithm's."""
        if self._line_ends and data:
            self._line_ends = False
            data = data.removeprefix(b"\n")
        self._output.add(data)

    def _on_result(self):
        while True:
            try:
                data = os.read(self._fifo, READ_SIZE)
            except BlockingIOError:
                return
            found = b"\n"
            while found:
                line, found, data = data.partition(b"\n") if b"\n" in data else (data, b"", b"")
                self._take(line)
                if found:
                    self._finish()

    def _take(self, piece):
        """Keep a piece of a result; what is large goes on at once."""
        self._result_size += len(piece)
        if self._result_size > MOST_RESULT:
            self._result.clear()
        elif self._is_called and len(piece) >= CHUNK:
            for each in (*self._result, piece):
                send_frame(self._host, b"p", each)
            self._result.clear()
        else:
            self._result.append(piece)

    def _forget_late_results(self):
        """A call must not be answered with what was left over from the one before it."""
        try:
            while os.read(self._fifo, READ_SIZE):
                pass
        except BlockingIOError:
            self._result, self._result_size = [], 0

    def _finish(self):
        line, size = b"".join(self._result), self._result_size
        self._result, self._result_size = [], 0
        if not self._is_called:
            return  # A second line for one call: the host would take it for the next one's.
        self._is_called = False
        self._drain(4 * MOST_OUTPUT)
        self._send_output()
        if size > MOST_RESULT:
            send_frame(self._host, b"l")
        else:
            send_frame(self._host, b"d", line)

    def _send_output(self):
        text = self._output.take()
        if text:
            send_frame(self._host, b"o", text)

    def _report_end(self):
        _, status = os.waitpid(self._child, 0)
        self._drain(4 * MOST_OUTPUT)
        self._output.add(self._tail)
        self._send_output()
        code = os.waitstatus_to_exitcode(status)
        send_frame(self._host, b"e", b'{"exit_code":%d}' % code)
        os._exit(0)


def _grow(descriptor):
    """A larger pipe means fewer switches for large payloads; the default works as well."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1024 * 1024)
    except PermissionError:
        return  # The user's share of pipe memory is used up.


class Relay:
    """Pipes connections to a loopback port into a unix socket of the host, in one thread."""

    def __init__(self, port, path):
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._selector = select.poll()
        self._sockets = {self._listener.fileno(): self._listener}
        self._peer = {}
        self._buffers = {}
        self._closing = set()
        self._selector.register(self._listener, select.POLLIN)

    def run(self):
        while True:
            for descriptor, event in self._selector.poll():
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._sockets:
                    self._move(descriptor, event)

    def _accept(self):
        client, _ = self._listener.accept()
        if len(self._sockets) > 2 * MOST_RELAYED:
            client.close()
            return
        host = socket.socket(socket.AF_UNIX)
        try:
            host.connect(self._path)
        except OSError:
            client.close()
            host.close()
            return
        for one, other in ((client, host), (host, client)):
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._peer[one.fileno()] = other.fileno()
            self._buffers[one.fileno()] = b""
            self._selector.register(one, select.POLLIN)

    def _move(self, descriptor, event):
        try:
            if event & select.POLLOUT:
                self._flush(descriptor)
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._read(descriptor)
        except OSError:
            self._close(descriptor)

    def _read(self, descriptor):
        peer = self._peer[descriptor]
        if self._buffers[peer]:
            return  # The other side has not taken the last of it yet.
        data = self._sockets[descriptor].recv(4 * CHUNK)
        if not data:
            self._finish_direction(descriptor, peer)
            return
        self._buffers[peer] = data
        self._flush(peer)

    def _flush(self, descriptor):
        data = self._buffers[descriptor]
        source = self._peer[descriptor]
        if data:
            try:
                data = data[self._sockets[descriptor].send(data) :]
            except BlockingIOError:
                pass
            self._buffers[descriptor] = data
        self._listen(descriptor)
        if source not in self._closing:
            self._listen(source)

    def _listen(self, descriptor):
        """Read while the peer has room, write while there is something to write."""
        wanted = select.POLLOUT if self._buffers[descriptor] else 0
        if descriptor not in self._closing and not self._buffers[self._peer[descriptor]]:
            wanted |= select.POLLIN
        self._selector.modify(descriptor, wanted)

    def _finish_direction(self, descriptor, peer):
        """One side has said all it will: pass that on, close when both have."""
        self._closing.add(descriptor)
        if peer in self._closing:
            self._close(descriptor)
            return
        self._sockets[peer].shutdown(socket.SHUT_WR)
        self._listen(descriptor)

    def _close(self, descriptor):
        for each in (descriptor, self._peer[descriptor]):
            self._selector.unregister(each)
            self._sockets.pop(each).close()
            self._closing.discard(each)
            del self._buffers[each], self._peer[each]


def start_relay(port, path):
    _thread.start_new_thread(Relay(port, path).run, ())


def start_egress():
    """The way to the proxy, where the host has put one: without a network there is none."""
    if os.path.exists(EGRESS):
        start_relay(EGRESS_PORT, EGRESS)


def lower_limits():
    """Limits for all that runs here; what is counted per user counts inside our namespace."""
    processes, files, data = (int(each) for each in os.environ.pop("ALGOPORT_LIMITS").split())
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


def end_with_host(lifeline):
    """The kernel's own signal comes too early to be seen when the host dies while we start."""
    os.read(lifeline, 1)
    os._exit(1)


def run_algorithm(descriptor, lifeline):
    # Fork before there are threads, and while the host does its part.
    algorithm = Algorithm()
    # The host has made the socket and listens on it already.
    with socket.socket(fileno=descriptor) as listener:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(lifeline, select.POLLIN)
        if lifeline in dict(poll.poll()):
            os._exit(1)
        connection, _ = listener.accept()
    # As much of it as the machine allows; fewer switches for large payloads.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
    start_relay(API_PORT, PLATFORM)
    start_egress()
    with open(START) as start:
        environ = json.load(start)["environ"]
    Agent(connection, algorithm, environ).serve()


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
    host = int(sys.argv[1].rpartition(":")[2])
    wait_for_go(host)
    lower_limits()
    if sys.argv[2].startswith("--listen="):
        run_algorithm(int(sys.argv[2].partition("=")[2]), host)
    else:
        _thread.start_new_thread(end_with_host, (host,))
        run_step(sys.argv[2:])
