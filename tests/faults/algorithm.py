"""The algorithm that is called: every run of it can be seen from outside of its sandbox.

For the time of a run its process has the name `ft` + token of the call (7) + nonce of the run (6).
The kernel shows names of processes to the host, whatever the platform says about them.
"""

import random
import string

NAME = "Faulty"
MARK = "ft"
TOKEN, NONCE = 7, 6
_DIGITS = string.digits + string.ascii_lowercase

SOURCE = """
import os
import secrets
import time
import urllib.request


def apply(input):
    nonce = secrets.token_hex(3)
    show("ft" + input["token"] + nonce)
    try:
        began = time.time()
        time.sleep(input["seconds"])
        if input.get("note"):
            put("data://.my/faults/" + input["token"] + nonce, nonce.encode())
        if input.get("fails"):
            raise ValueError("as asked")
        return {"token": input["token"], "nonce": nonce, "began": began, "ended": time.time()}
    finally:
        show("idle")


def show(name):
    with open("/proc/self/comm", "w") as shown:
        shown.write(name)


def put(path, content):
    address = os.environ["ALGORITHMIA_API"] + "/v1/data/" + path.removeprefix("data://")
    request = urllib.request.Request(address, data=content, method="PUT")
    with urllib.request.urlopen(request, timeout=20):
        pass
"""


class Tokens:
    """Tokens of calls; no other campaign on this machine makes the same ones."""

    def __init__(self) -> None:
        self.prefix = "".join(random.SystemRandom().choices(_DIGITS, k=3))
        self._count = 0

    def next(self) -> str:
        """The next token; to be called under a lock."""
        self._count += 1
        number, text = self._count, ""
        while len(text) < TOKEN - len(self.prefix):
            number, digit = divmod(number, len(_DIGITS))
            text = _DIGITS[digit] + text
        assert number == 0
        return self.prefix + text
