"""The process of an algorithm, and the two ways to speak with it.

What the host sends and gets is the same for both: a call is a letter for the kind of its input
(`j` JSON, `t` text, `b` bytes) and the input; a result is one for the kind of the result (`j`, `t`,
`b`, `v` nothing, `e` an error as the langpack protocol has it) and the result, or `l` and a whole
line of that protocol.

What is large goes past the agent, where the host has given a socket for that: only its length,
marked as APART, comes this way.
"""

import _thread
import errno
import fcntl
import json
import os
import resource
import socket
import sys

FIFO = "/tmp/algoout"
ALGORITHM, PACKAGES = "/opt/algorithm", "/opt/packages"
COMMANDS = ("/usr/local/bin/algorithmia-pipe", "/opt/algorithm/bin/pipe")
MOST_RESULT = 16 * 1024 * 1024
MOST_OUTPUT = 1024 * 1024
CHUNK = 65536
READ_SIZE = 1024 * 1024
# As much of it as the machine allows; fewer switches for large payloads.
SOCKET_BUFFER = 4 * 1024 * 1024
LENGTH_SIZE = 4
# With a length on the channel: what has it comes by the socket for large payloads.
APART = 1 << 31
CHANNEL = 3
# Of a frame of the host: its type, and how long its payload is.
HEAD_SIZE = 5


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
        self.channel, theirs = socket.socketpair()
        for each in (self.channel, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        self.channel.setblocking(False)
        go_read, self._go = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if not self.pid:
            self._become(go_read, theirs)
        theirs.close()
        os.close(go_read)

    def start(self, environ, bulk=None):
        """Let it go on, with this environment; returns the descriptor that tells its end.

        `bulk` is the descriptor of its end of the socket for large payloads.
        """
        command = next((path for path in COMMANDS if os.access(path, os.X_OK)), None)
        if command:
            os.close(self._go)
            os.waitpid(self.pid, 0)
            self._spawn(command, environ)
        else:
            send_descriptor(self.channel, bulk)
            with os.fdopen(self._go, "w") as go:
                json.dump(environ, go)
        os.close(self._stdin_read)
        os.close(self._stdout_write)
        return _open_end(self.pid)

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

    def _become(self, go, channel):
        """In the fork: turn into the pipe program, as if it had been started by itself."""
        # Out of the way of the numbers that they and the others get.
        go, channel = (fcntl.fcntl(each, fcntl.F_DUPFD, 16) for each in (go, channel))
        for number, descriptor in enumerate(
            (self._stdin_read, self._stdout_write, self._stdout_write)
        ):
            os.dup2(descriptor, number)
        os.dup2(channel, CHANNEL, inheritable=False)
        go = os.dup2(go, CHANNEL + 1, inheritable=False)
        os.closerange(go + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        import pipe

        sys.path.remove(os.path.dirname(pipe.__file__))
        text = b""
        while data := os.read(go, CHUNK):
            text += data
        os.close(go)
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
        for name in ("agent", "pipe", "program", "relay"):
            # An algorithm may have modules of these names.
            sys.modules.pop(name, None)
        channel = socket.socket(fileno=CHANNEL)
        _, bulk = receive_descriptor(channel, 1)
        sys.exit(pipe.run(channel, None if bulk is None else socket.socket(fileno=bulk)))


def send_descriptor(through, descriptor):
    """One byte, and the descriptor if there is one."""
    if descriptor is None:
        through.sendmsg((b"n",))
        return
    number = descriptor.to_bytes(4, sys.byteorder)
    through.sendmsg((b"d",), ((socket.SOL_SOCKET, socket.SCM_RIGHTS, number),))


def receive_descriptor(through, size):
    """Up to so many bytes, and the descriptor that came with them or None."""
    room = socket.CMSG_SPACE(4)
    data, extra, _, _ = through.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    return data, int.from_bytes(extra[0][2][:4], sys.byteorder) if extra else None


def read_begin(connection):
    """What the gateway sends before anything else: variables, and a descriptor or None.

    That is the algorithm's end of a socket for large payloads.
    """
    head, bulk = receive_descriptor(connection, HEAD_SIZE)
    head += read_exactly(connection, HEAD_SIZE - len(head))
    length = int.from_bytes(head[1:], "big")
    return json.loads(read_exactly(connection, length) or b"{}"), bulk


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            os._exit(0)  # The gateway is gone.
        data += piece
    return data


def _open_end(pid):
    """A descriptor that can be polled for the end of a child, which stays to be waited for."""
    try:
        return os.pidfd_open(pid)
    except OSError as exc:
        if exc.errno != errno.ENOSYS:
            raise
    # A kernel of gVisor's has none.
    end, held = os.pipe2(os.O_CLOEXEC)
    _thread.start_new_thread(_close_at_end, (pid, held))
    return end


def _close_at_end(pid, descriptor):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.close(descriptor)


def _grow(descriptor):
    """A larger pipe means fewer switches for large payloads; the default works as well."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, READ_SIZE)
    except PermissionError:
        return  # The user's share of pipe memory is used up.


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


class Lines:
    """The langpack protocol: a line into standard input, a line out of the FIFO (wire.md 3)."""

    def __init__(self, agent, algorithm):
        self._agent = agent
        self.target, self.source = algorithm.stdin, algorithm.fifo
        self._input = []
        self._result = []
        self._size = 0

    def begin(self, length):
        """A call of so many bytes begins; what is to be passed on for that."""
        self._input = []
        return ()

    def feed(self, piece, is_last):
        """A piece of a call has come; what is to be passed on for that."""
        self._input.append(bytes(piece))
        if not is_last:
            return ()
        payload, self._input = b"".join(self._input), []
        return (_line(payload[:1], payload[1:]),)

    def forget(self):
        """A call must not be answered with what was left over from the one before it."""
        try:
            while os.read(self.source, READ_SIZE):
                pass
        except BlockingIOError:
            self._result, self._size = [], 0

    def on_result(self):
        while True:
            try:
                data = os.read(self.source, READ_SIZE)
            except BlockingIOError:
                return
            found = b"\n"
            while found:
                line, found, data = data.partition(b"\n") if b"\n" in data else (data, b"", b"")
                self._take(line)
                if found:
                    self._finish()

    def _take(self, piece):
        self._size += len(piece)
        if self._size > MOST_RESULT:
            self._result.clear()
        else:
            self._result.append(piece)

    def _finish(self):
        parts, size = self._result, self._size
        self._result, self._size = [], 0
        # A second line for one call: the host would take it for the next one's.
        if not self._agent.is_called:
            return
        if size > MOST_RESULT:
            self._agent.refuse_result()
        else:
            self._agent.begin_result(b"".join((b"l", *parts)), size + 1)
            self._agent.end_call()


def _line(kind, data):
    """An input as the langpack protocol writes it."""
    if kind == b"j":
        # Outside strings a line break is white space, and inside one it cannot stand.
        flat = data.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'{"content_type":"json","data":' + flat + b"}\n"
    if kind == b"t":
        text = json.dumps(data.decode(), ensure_ascii=False).encode()
        return b'{"content_type":"text","data":' + text + b"}\n"
    import binascii

    encoded = binascii.b2a_base64(data, newline=False)
    return b'{"content_type":"binary","data":"' + encoded + b'"}\n'


class Channel:
    """Our own pipe program's: calls and results as they are, behind their lengths.

    It says with a length of nothing that it takes calls. A program that closes its end before that
    is one for `Lines`.
    """

    def __init__(self, agent, algorithm):
        self._agent = agent
        self._socket = algorithm.channel
        self.target = self.source = algorithm.channel.fileno()
        self.is_ready = False
        self.is_lost = False
        self._buffer = bytearray(READ_SIZE)
        self._head = b""
        self._left = 0
        self._is_wanted = False

    @property
    def is_amid_result(self):
        """Whether the host waits for the rest of a result."""
        return self._left > 0 and self._is_wanted

    def begin(self, length):
        return (length.to_bytes(LENGTH_SIZE, "big"),)

    def begin_apart(self, length):
        """A call begins whose payload of this length goes past us."""
        return ((APART | length).to_bytes(LENGTH_SIZE, "big"),)

    def feed(self, piece, is_last):
        return (piece,)

    def forget(self):
        """Whatever comes before a call has begun is no answer to it."""
        while self.on_result():
            continue

    def on_result(self):
        """Take what has come; whether there was anything."""
        if self.is_lost:
            return False
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            size = 0
        if not size:
            self.is_lost = True
            self._agent.lose_channel()
            return False
        rest = memoryview(self._buffer)[:size]
        while rest:
            rest = self._pass_on(rest) if self._left else self._read_head(rest)
        return True

    def _read_head(self, data):
        missing = LENGTH_SIZE - len(self._head)
        self._head += data[:missing]
        data = data[missing:]
        if len(self._head) < LENGTH_SIZE:
            return data
        length, self._head = int.from_bytes(self._head, "big"), b""
        self._is_wanted = False
        if length & APART:
            if self._agent.is_called:
                self._agent.announce_result(length - APART)
            return data
        self._left = length
        if not length:
            self.is_ready = True
        elif self._agent.is_called:
            if length > MOST_RESULT:
                self._agent.refuse_result()
            else:
                self._is_wanted = True
                self._agent.begin_result(data[:length], length)
                # It has gone with the head.
                return self._skip(data)
        return data

    def _pass_on(self, data):
        if self._is_wanted:
            self._agent.send(data[: self._left])
        return self._skip(data)

    def _skip(self, data):
        size = min(self._left, len(data))
        self._left -= size
        if not self._left and self._is_wanted:
            self._agent.end_call()
        return data[size:]
