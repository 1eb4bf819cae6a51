"""Tell the platform which refs a push moved, and show the pusher what it answers until it ends.

Run by `post-receive` as a program of its own, with the standard library only.
"""

import socket
import sys


def announce() -> None:
    with socket.socket(socket.AF_UNIX) as plane:
        plane.connect(sys.argv[1])
        plane.sendall(sys.stdin.buffer.read())
        plane.shutdown(socket.SHUT_WR)
        while data := plane.recv(64 * 1024):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


try:
    announce()
except OSError as exc:
    # The refs have moved all the same; the push stands.
    sys.exit(f"The push is stored, but its build could not be started ({exc.strerror}).")
