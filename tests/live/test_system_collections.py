"""data://.session, .algo/temp and .algo/perm as algorithms use them with the PyPI client."""

from typing import Any

import pytest
import requests

from tests.acceptance.platform import Account, Platform, deploy
from tests.acceptance.steps import unused

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(120)]

CHILD = """import Algorithmia


def apply(input):
    client = Algorithmia.client()
    seen = client.file("data://.session/note").getString()
    client.file("data://.session/answer").put(seen + " and heard")
    try:
        client.file(input + "/perm/count").put("0")
    except Exception as exc:
        refused = str(exc)
    else:
        refused = "written"
    own = client.file("data://.algo/perm/count").exists()
    return [seen, own, client.file(input + "/perm/count").getString(), refused]
"""

PARENT = """import Algorithmia

client = Algorithmia.client()


def names(folder):
    return sorted(entry.getName() for entry in client.dir(folder).list())


def loaded():
    try:
        client.file("data://.session/loaded").put("x")
    except Exception as exc:
        return str(exc)
    return "written"


AT_LOAD = loaded()


def apply(input):
    before = [names("data://" + folder) for folder in (".session", ".algo/temp", ".algo/perm")]
    session = client.file("data://.session/note")
    fresh = not session.exists()
    session.put("said")
    count = client.file("data://.algo/perm/count")
    number = int(count.getString()) + 1 if count.exists() else 1
    count.put(str(number))
    client.file("data://.algo/temp/last.json").putJson({"number": number})
    child = client.algo(input["child"]).pipe(input["self"]).result if "child" in input else None
    long_form = client.file(input["self"] + "/temp/last.json").getJson()
    scratch = client.file("data://.algo/temp/scratch")
    scratch.put("gone soon")
    scratch.delete()
    return {
        "before": before,
        "fresh": fresh,
        "number": number,
        "child": child,
        "session": names("data://.session"),
        "temp": names("data://.algo/temp"),
        "long": long_form,
        "exists": client.dir("data://.algo/perm").exists(),
        "acl": client.dir("data://.session").get_permissions() is None,
        "at_load": AT_LOAD,
    }
"""


@pytest.fixture(scope="module")
def author(live: Platform) -> Account:
    return live.account(unused("keeper"))


@pytest.fixture(scope="module")
def parent(author: Account) -> str:
    return deploy(author, "Parent", PARENT, publish="public").rsplit("/", 1)[0]


@pytest.fixture(scope="module")
def child(author: Account) -> str:
    return deploy(author, "Child", CHILD, publish="public").rsplit("/", 1)[0]


def run(account: Account, parent: str, **more: str) -> Any:
    given = {"self": f"data://.algo/{parent}"} | more
    return account.client.algo(parent).pipe(given).result


def test_algorithms_keep_files(live: Platform, author: Account, parent: str, child: str) -> None:
    user, other = live.account(unused("user")), live.account(unused("user"))
    first = run(user, parent, child=child)
    seen, own, read, refused = first.pop("child")
    assert (seen, own, read) == ("said", False, "1")
    assert "403" in refused
    assert "404" in first.pop("at_load")
    assert first == {
        "before": [[], [], []],
        "fresh": True,
        "number": 1,
        "session": ["answer", "note"],
        "temp": ["last.json"],
        "long": {"number": 1},
        "exists": True,
        "acl": True,
    }
    second = run(user, parent)
    assert second["before"] == [[], ["last.json"], ["count"]]
    assert (second["fresh"], second["number"]) == (True, 2)
    # Every user has files of their own, the author too.
    assert run(other, parent)["number"] == run(author, parent)["number"] == 1
    assert user.client.file(f"data://.algo/{parent}/perm/count").getString() == "2"
    assert other.client.file(f"data://.algo/{parent}/perm/count").getString() == "1"


def test_from_outside_they_can_only_be_read(live: Platform, parent: str) -> None:
    user, stranger = live.account(unused("user")), live.account(unused("user"))
    run(user, parent)
    outside = user.client.file(f"data://.algo/{parent}/temp/last.json")
    assert outside.exists() and outside.getJson() == {"number": 1}
    assert not stranger.client.file(f"data://.algo/{parent}/temp/last.json").exists()
    folder = user.client.dir(f"data://.algo/{parent}/perm")
    assert [entry.getName() for entry in folder.list()] == ["count"]
    assert folder.get_permissions() is None
    listed = [entry.getName() for entry in user.client.dir("data://.algo").list()]
    assert listed == [parent.split("/")[0]]
    for path, status, said in (
        (f".algo/{parent}/temp/last.json", 403, "Only the algorithm itself writes"),
        (".session/note", 404, "There is no session here"),
        (".algo/temp/note", 404, "data://.algo/AUTHOR/NAME/temp"),
    ):
        # The client keeps the text of a refused upload to itself.
        for method in ("PUT", "DELETE"):
            answer = requests.request(
                method,
                f"{live.url}/v1/data/{path}",
                data="x",
                headers={"Authorization": user.key},
                timeout=10,
            )
            assert answer.status_code == status and said in answer.json()["error"]["message"]
    assert outside.getJson() == {"number": 1}
