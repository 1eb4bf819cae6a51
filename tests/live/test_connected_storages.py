"""A connector as its owner and the algorithms they call use it, through the PyPI client."""

import json
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import requests
from Algorithmia.acl import ReadAcl

from tests.acceptance.platform import Account, Platform, deploy, wait_until
from tests.acceptance.steps import unused
from tests.doubles.seaweed import Seaweed

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live"), pytest.mark.timeout(240)]

ROWS = "bread,milk\nbread,butter\n"
URI = "s3+saha://algorithmia/test_data.csv"
# Counts items in lines, and says what it can see of whoever called it.
COUNTING = """
import os


def apply(input):
    text, least, most = input
    items = text.replace("\\n", ",").strip(",").split(",")
    counts = {item: items.count(item) for item in items}
    return {"counts": counts, "environ": dict(os.environ)}
"""
READING = """
import Algorithmia
import humanize

client = Algorithmia.client()


def apply(input):
    if "inputFile" in input:
        return client.file(input["inputFile"]).getString()
    if "write" in input:
        client.file(input["write"]).put("from the algorithm")
        return "written"
    creds = client.file("data://.my/BackblazeCredentials/credentials.json").getJson()
    assert {"key_id", "application_key"}.issubset(creds)
    return [creds["key_id"], humanize.intcomma(1000000)]
"""


@dataclass
class Place:
    """A platform, a storage, and the account that has it as s3+saha."""

    platform: Platform
    storage: Seaweed
    caller: Account
    author: Account

    def path(self, name: str) -> str:
        """Of what the author has published."""
        return f"{self.author.name}/{name}/0.1.0"

    def connect(self, label: str, **named: Any) -> requests.Response:
        body = {
            "username": self.caller.name,
            "label": label,
            "protocol": "s3",
            "cred_type": "iam",
            "cred_data": json.dumps(self.storage.credentials),
            "options": {"endpoint_url": self.storage.url, "addressing": "path"},
            **named,
        }
        return self.ask("POST", f"/v1/users/{self.caller.name}/connectors", json=body)

    def ask(self, method: str, path: str, **named: Any) -> requests.Response:
        headers = {"Authorization": self.caller.key}
        return requests.request(
            method, self.platform.url + path, headers=headers, timeout=60, **named
        )


@pytest.fixture(scope="module")
def place(live: Platform, s3: Seaweed) -> Place:
    s3.put("algorithmia", "test_data.csv", ROWS.encode())
    made = Place(live, s3, live.account(unused("caller")), live.account(unused("author")))
    answer = made.connect("saha")
    assert answer.ok, answer.text
    deploy(made.author, "Count", COUNTING, publish="public")
    deploy(
        made.author,
        "Reads",
        READING,
        requirements="algorithmia>=1.0.0,<3\nhumanize\n",
        publish="public",
    )
    return made


def test_a_file_is_read_and_piped_into_an_algorithm(place: Place) -> None:
    client = place.caller.client
    data_file = client.file(URI).getString()
    assert data_file == ROWS
    result = client.algo(place.path("Count")).pipe([data_file, 5, 2]).result
    assert result["counts"] == {"bread": 2, "milk": 1, "butter": 1}
    assert not holds_a_secret(place, json.dumps(result["environ"]))


def test_an_algorithm_reads_its_callers_file(place: Place) -> None:
    algo = place.caller.client.algo(place.path("Reads"))
    assert algo.pipe({"inputFile": URI}).result == ROWS
    # Its author has no such connector, and calls it in vain.
    with pytest.raises(Exception, match="no connector s3\\+saha"):
        place.author.client.algo(place.path("Reads")).pipe({"inputFile": URI})


def test_writing_needs_the_write_flag(place: Place) -> None:
    algo = place.caller.client.algo(place.path("Reads"))
    target = "algorithmia/out/written.txt"
    with pytest.raises(Exception, match="403"):
        algo.pipe({"write": f"s3+saha://{target}"})
    assert place.connect("out", path="algorithmia/out/", writeable=True).ok
    algo.pipe({"write": f"s3+out://{target}"})
    stored = place.storage.client.get_object(Bucket="algorithmia", Key="out/written.txt")
    assert stored["Body"].read() == b"from the algorithm"
    with pytest.raises(Exception, match="path not found"):
        algo.pipe({"inputFile": "s3+out://algorithmia/test_data.csv"})


def test_the_client_lists_and_looks(place: Place) -> None:
    client = place.caller.client
    assert client.file(URI).exists()
    assert not client.file("s3+saha://algorithmia/nothing").exists()
    names = [file.getName() for file in client.dir("s3+saha://algorithmia").files()]
    assert "test_data.csv" in names
    assert client.dir("s3+saha://algorithmia").exists()


def test_a_change_of_a_connector_counts_within_a_second(place: Place) -> None:
    assert place.connect("brief", is_default=True).ok
    assert place.caller.client.file("s3://algorithmia/test_data.csv").exists()
    assert place.ask("DELETE", f"/v1/users/{place.caller.name}/connectors/s3+brief").ok

    def is_gone(uri: str) -> bool:
        answer = place.ask("GET", f"/v1/data/{uri}")
        return answer.status_code == 404 and "There is no connector" in answer.text

    # The process that is asked may be another than the one that deleted it.
    for uri in ("s3://algorithmia/test_data.csv", "s3+brief://algorithmia/test_data.csv"):
        wait_until(partial(is_gone, uri), 1, "the connector is gone")


def test_credentials_in_a_private_collection(place: Place) -> None:
    client = place.caller.client
    folder = client.dir("data://.my/BackblazeCredentials")
    folder.create(ReadAcl.private)
    folder.file("credentials.json").putJson({"key_id": "0000", "application_key": "K000"})
    assert client.algo(place.path("Reads")).pipe({}).result == ["0000", "1,000,000"]


def test_credentials_are_seen_nowhere(place: Place) -> None:
    told = [
        place.ask("GET", f"/v1/users/{place.caller.name}/connectors").text,
        place.ask("GET", f"/v1/users/{place.caller.name}/connectors/s3+saha").text,
    ]
    wrong = {**place.storage.credentials, "access_key_id": "AKIAWRONG"}
    assert place.connect("wrong", cred_data=json.dumps(wrong)).ok
    refused = place.ask("GET", "/v1/data/s3+wrong://algorithmia/test_data.csv")
    assert refused.status_code == 403 and "s3+wrong refused this" in refused.text
    told += [refused.text, place.connect("bad", cred_data=json.dumps({"a": wrong})).text]
    for log in (place.platform.data / "logs").iterdir():
        told.append(log.read_text(errors="replace"))
    dump = subprocess.run(
        ["grep", "-rlaF", place.storage.secret_access_key, str(place.platform.data)],
        capture_output=True,
        text=True,
    )
    assert dump.stdout == ""
    for text in told:
        assert not holds_a_secret(place, text)


def holds_a_secret(place: Place, text: str) -> bool:
    return any(secret in text for secret in place.storage.credentials.values())
