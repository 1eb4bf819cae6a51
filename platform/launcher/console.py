"""What `up` says to whoever started it."""

import json
from pathlib import Path

from algoport.launcher.demo import NAME


def say(line: str) -> None:
    """One line, at once: the output may be a pipe."""
    print(line, flush=True)


def read_first_run(data: Path) -> dict[str, str] | None:
    """The accounts that the first start made; none where others made the database."""
    try:
        content: dict[str, str] = json.loads((data / "first-run.json").read_text())
    except FileNotFoundError:
        return None
    return content


def greeting(url: str, data: Path, isolation: str | None, has_demo: bool, seconds: float) -> str:
    """What one needs to know to use the platform."""
    lines = ["", f"Algoport is ready ({seconds:.1f} s)", "", f"  address    {url}"]
    account = read_first_run(data)
    if account is not None:
        lines += [
            f"  sign in    {account['username']} / {account['password']}",
            f"  API key    {account['api_key']}",
            f"  accounts   {data / 'first-run.json'}",
        ]
    else:
        lines += ["  API key    none made here: the database already had its accounts"]
    lines += [f"  isolation  {isolation or 'none: no algorithm can be run (see above)'}"]
    lines += [f"  logs       {data / 'logs'}"]
    if account is not None and has_demo:
        lines += ["", "  try it:", "", *_example(url, account)]
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])


def _example(url: str, account: dict[str, str]) -> list[str]:
    return [
        f"  curl {url}/v1/algo/{account['username']}/{NAME} \\",
        f"       -H 'Authorization: Simple {account['api_key']}' \\",
        "       -H 'Content-Type: text/plain' -d you",
    ]
