"""Clients that use the platform all the time and take nothing for done that was not answered."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import requests

from tests.acceptance.platform import Account
from tests.faults.ledger import FINAL, Accepted, Ledger

MOST_OPEN = 120
CALL_SECONDS = 25
PATIENCE_SECONDS = (5, 60)


class Client(threading.Thread):
    """One thread of the load, with an account and a random generator of its own."""

    def __init__(self, number: int, account: Account, path: str, ledger: Ledger, seed: int) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.account = account
        self._url = account.platform.url
        self._path = path
        self._ledger = ledger
        self._random = random.Random(f"{seed}/{number}")
        self._stopping = threading.Event()
        self._http = requests.Session()
        self._http.headers["Authorization"] = account.key
        self._actions: list[tuple[Callable[[], None], int]] = [
            (self._call, 30),
            (self._queue_something, 22),
            (self._look, 25),
            (self._cancel, 5),
            (self._put_file, 9),
            (self._get_file, 9),
        ]

    def run(self) -> None:
        actions, weights = zip(*self._actions, strict=True)
        while not self._stopping.is_set():
            (action,) = self._random.choices(actions, weights)
            try:
                action()
            except Exception as exc:
                self._ledger.violated(f"a client met what it does not know: {exc!r}")
                raise
            self._stopping.wait(self._random.uniform(0.02, 0.2))

    def stop(self) -> None:
        self._stopping.set()

    # -- calls ------------------------------------------------------------------------------

    def _call(self) -> None:
        """A synchronous call: quick, slow, or failing."""
        draw = self._random
        seconds = draw.choice([0.0, 0.0, 0.03, draw.uniform(0.5, 2.0)])
        fails = draw.random() < 0.1
        self.call(seconds, fails)

    def call(self, seconds: float = 0.0, fails: bool = False) -> bool:
        """Whether the call was answered with what its run returned."""
        token = self._ledger.token()
        body = {"token": token, "seconds": seconds, "fails": fails}
        answer = self._request("POST", f"algo/{self._path}?timeout={CALL_SECONDS}", json=body)
        if answer is None or answer.status_code != 200:
            self._ledger.count("sync not answered")
            self._judge_refusal(answer)
            return False
        with self._ledger.lock:
            self._ledger.answered[answer.headers["X-Request-Id"].removeprefix("req-")] = token
        return self._judge_answer(token, fails, answer.json())

    def _judge_refusal(self, answer: requests.Response | None) -> None:
        if answer is not None and 400 <= answer.status_code < 500 and answer.status_code != 429:
            self._ledger.violated(f"a call was refused with {answer.status_code} {answer.text}")

    def _judge_answer(self, token: str, fails: bool, body: dict[str, Any]) -> bool:
        error = body.get("error")
        if error is not None:
            self._ledger.count(f"sync {error['error_type']}")
            return False
        self._ledger.count("sync finished")
        if fails or body["result"]["token"] != token:
            self._ledger.violated(f"the call {token} was answered with {body}")
        return True

    def _queue_something(self) -> None:
        draw = self._random
        if len(self._ledger.open_calls()) >= MOST_OPEN:
            return
        seconds = draw.choice([0.1, 0.1, 0.2, draw.uniform(0.5, 2.0), draw.uniform(2.0, 5.0)])
        self.queue(
            seconds,
            retries=draw.choice([0, 0, 1, 2, 3]),
            fails=draw.random() < 0.1,
            note=draw.random() < 0.3,
            key=str(uuid.uuid4()) if draw.random() < 0.6 else None,
        )

    def queue(
        self,
        seconds: float,
        *,
        retries: int = 0,
        fails: bool = False,
        note: bool = False,
        key: str | None = None,
        may_cancel: bool = True,
    ) -> Accepted | None:
        """Queue a call; with a key it is asked again until it is certain, or the load ends."""
        token = self._ledger.token()
        body = {"token": token, "seconds": seconds, "fails": fails, "note": note}
        where = f"algo/{self._path}?output=void&timeout={CALL_SECONDS}&retries={retries}"
        headers = {"Idempotency-Key": key} if key is not None else {}
        call: Accepted | None = None
        while call is None:
            answer = self._request("POST", where, json=body, headers=headers)
            if answer is not None and answer.status_code == 200:
                number = answer.json()["request_id"].removeprefix("req-")
                call = Accepted(number, token, self.account, retries, fails, note, may_cancel)
                self._ledger.accept(call)
            elif key is None:
                self._judge_refusal(answer)
                if answer is None or answer.status_code >= 500:
                    self._ledger.count("queue uncertain")
                    with self._ledger.lock:
                        self._ledger.uncertain += 1
                return None
            elif self._stopping.wait(0.3):
                # Nobody knows of the last of them.
                with self._ledger.lock:
                    self._ledger.uncertain += 1
                return None
        if key is not None and self._random.random() < 0.3:
            self._repeat(call, where, body, headers)
        return call

    def _repeat(
        self, call: Accepted, where: str, body: dict[str, Any], headers: dict[str, str]
    ) -> None:
        answer = self._request("POST", where, json=body, headers=headers)
        if answer is None or answer.status_code >= 500 or answer.status_code == 429:
            return
        self._ledger.count("repeated with its key")
        if answer.status_code != 200 or answer.json()["request_id"] != f"req-{call.id}":
            self._ledger.violated(f"{call.id} was repeated and got {answer.text[:200]}")

    def _look(self) -> None:
        """Ask for a call; one that was accepted is always there."""
        call = self._pick()
        if call is not None:
            self.look(call)

    def look(self, call: Accepted) -> str | None:
        """The state of an accepted call, None when the platform does not say."""
        was_cancelled = call.cancelled
        answer = self._request("GET", f"requests/req-{call.id}", key=call.account.key)
        if answer is None or answer.status_code >= 500 or answer.status_code == 429:
            return None
        self._ledger.count("looked")
        if answer.status_code != 200:
            self._ledger.violated(f"{call.id} was accepted and is answered {answer.text[:200]}")
            return None
        state: str = answer.json()["state"]
        if state in FINAL:
            self._ledger.note_final(call, state, "API")
        elif was_cancelled:
            self._ledger.violated(f"{call.id} was cancelled and is {state}")
        return state

    def _cancel(self) -> None:
        calls = [call for call in self._ledger.open_calls() if call.may_cancel]
        if not calls:
            return
        call = self._random.choice(calls)
        answer = self._request("DELETE", f"requests/req-{call.id}", key=call.account.key)
        if answer is None or answer.status_code != 200:
            return
        self._ledger.count("cancelled")
        call.cancelled = True
        self._ledger.note_final(call, "cancelled", "API")

    def _pick(self) -> Accepted | None:
        calls = self._ledger.snapshot()
        if not calls:
            return None
        return self._random.choice(calls[-200:] if self._random.random() < 0.8 else calls)

    # -- data -------------------------------------------------------------------------------

    def _put_file(self) -> None:
        path = f"data/.my/faults/file-{self._ledger.token()}"
        content = self._random.randbytes(self._random.choice([20, 2000, 200_000]))
        answer = self._request("PUT", path, data=content)
        if answer is not None and answer.status_code == 200:
            self._ledger.count("files stored")
            with self._ledger.lock:
                self._ledger.files[path] = (self.account, content)

    def _get_file(self) -> None:
        with self._ledger.lock:
            files = list(self._ledger.files)
        if files:
            self.get_file(self._random.choice(files))

    def get_file(self, path: str) -> bool:
        """Whether the file was answered; what was stored must be what comes back."""
        account, content = self._ledger.files[path]
        answer = self._request("GET", path, key=account.key)
        if answer is None or answer.status_code >= 500 or answer.status_code == 429:
            return False
        self._ledger.count("files read")
        if answer.status_code != 200 or answer.content != content:
            self._ledger.violated(f"{path} was stored and is answered {answer.text[:100]!r}")
        return True

    def _request(
        self, method: str, path: str, *, key: str | None = None, **options: Any
    ) -> requests.Response | None:
        headers = dict(options.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = key
        began = time.monotonic()
        try:
            answer = self._http.request(
                method,
                f"{self._url}/v1/{path}",
                headers=headers,
                timeout=PATIENCE_SECONDS,
                **options,
            )
        except requests.Timeout:
            seconds = time.monotonic() - began
            self._ledger.count("HTTP no answer in time")
            if seconds > PATIENCE_SECONDS[1]:
                self._ledger.violated(f"{method} /v1/{path} had no answer after {seconds:.0f} s")
            return None
        except requests.RequestException:
            self._ledger.count("HTTP connection lost")
            return None
        self._ledger.count(f"HTTP {answer.status_code}")
        if answer.status_code == 500:
            # 503 is for what is out of order; this is for what nobody has thought of.
            self._ledger.violated(f"{method} /v1/{path} was answered with 500: {answer.text}")
        if answer.status_code >= 500:
            self._ledger.count(f"HTTP {answer.status_code} {_code_of(answer)}")
        return answer


def _code_of(answer: requests.Response) -> str:
    try:
        return f"code {answer.json()['code']}"
    except (ValueError, KeyError):
        return "without a code"
