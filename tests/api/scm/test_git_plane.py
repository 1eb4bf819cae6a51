"""What people with git see of the platform's repositories."""

import base64
import contextlib
import gzip
import http.client
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scm.repositories import head_commit, repository_path


def remote_lines(done):
    """The `remote:` lines as a terminal shows them."""
    return [
        line.removeprefix("remote: ").rstrip()
        for line in done.stderr.splitlines()
        if line.startswith("remote: ")
    ]


def ask(plane, method, path, login="demo:secret", body=None, **headers):
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return answer, answer.read()


def test_clone_edit_push_shows_the_build(plane, person):
    name, repository_id = plane.add()
    demo = person(plane.url(name))
    demo.clone()
    before = head_commit(repository_id)
    after = demo.commit()
    done = demo.git("push", "origin", "master")
    assert remote_lines(done) == [
        "Build started",
        "Installing  many words many words many words many words many words many",
        "  words many words many words many words many words many words many",
        "  words",
        f"algo://demo/thing/{after}",
    ]
    assert f"{before[:7]}..{after[:7]}  master -> master" in done.stderr
    assert head_commit(repository_id) == after
    assert plane.events(event="pushed", user="demo", before=before, after=after)


def test_key_with_plus_and_slash_works_percent_encoded(plane, person):
    name, _ = plane.add()
    demo = person(plane.url(name, login="demo:simA%2Bb%2Fc%3DD%3Ae@"))
    demo.clone()
    demo.commit()
    demo.git("push", "origin", "master")


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ("", "could not read Username"),
        ("demo:wrong@", "Authentication failed"),
        ("nobody:secret@", "Authentication failed"),
        ("guest:hidden@", "not found"),
    ],
)
def test_others_cannot_clone_and_learn_nothing(plane, person, login, said):
    there, _ = plane.add()
    failures = [
        person(plane.url(name, login=login)).clone(check=False) for name in (there, "not_there")
    ]
    assert all(done.returncode == 128 and said in done.stderr for done in failures)
    hidden = [done.stderr.replace(there, "NAME").replace("not_there", "NAME") for done in failures]
    assert hidden[0] == hidden[1]


def test_a_reader_clones_but_does_not_push(plane, person):
    name, repository_id = plane.add()
    before = head_commit(repository_id)
    reader = person(plane.url(name, login="reader:reads@"))
    reader.clone()
    reader.commit()
    done = reader.git("push", "origin", "master", check=False)
    assert done.returncode == 128
    assert "not push to it" in done.stderr
    assert head_commit(repository_id) == before


def test_history_is_not_rewritten_and_branches_are_not_deleted(plane, person):
    name, repository_id = plane.add()
    demo = person(plane.url(name))
    demo.clone()
    demo.commit()
    demo.git("push", "origin", "master", "master:side")
    kept = head_commit(repository_id)
    demo.git("commit", "-q", "--amend", "-m", "other")
    for arguments, said in (
        (["--force", "origin", "master"], "non-fast-forward"),
        (["origin", ":master"], "deletion prohibited"),
        (["origin", ":side"], "deletion prohibited"),
        (["origin", "master:refs/notes/x"], "hidden ref"),
        (["origin", "master:refs/internal/x"], "hidden ref"),
    ):
        done = demo.git("push", *arguments, check=False)
        assert done.returncode == 1
        assert said in done.stderr
    assert head_commit(repository_id) == kept


def test_other_branches_and_tags_are_stored_and_not_built(plane, person):
    name, _ = plane.add()
    demo = person(plane.url(name))
    demo.clone()
    sha = demo.commit()
    demo.git("tag", "v1")
    done = demo.git("push", "origin", "master:feature/x", "v1")
    assert sorted(remote_lines(done)) == [
        "Branch feature/x is stored, but only master is built.",
        "Stored tag v1.",
    ]
    assert demo.remote_head("feature/x") == sha
    assert not plane.events(event="pushed", after=sha)


@pytest.mark.parametrize(
    ("plan", "said"),
    [("fails", "The build failed: no apply() in source"), ("breaks", "failed to start")],
)
def test_a_push_stands_when_its_build_fails(plane, person, plan, said):
    name, repository_id = plane.add()
    plane.plan(repository_id, plan)
    demo = person(plane.url(name))
    demo.clone()
    after = demo.commit()
    done = demo.git("push", "origin", "master")
    assert said in remote_lines(done)[1]
    assert "secret detail" not in done.stderr
    assert head_commit(repository_id) == after


def test_a_large_file_goes_up_and_comes_down(plane, person, tmp_path):
    name, _ = plane.add()
    demo = person(plane.url(name))
    demo.clone()
    content = os.urandom(30 * 1024 * 1024)
    demo.commit("large", content)
    demo.git("push", "origin", "master")
    other = person(plane.url(name), "other")
    other.clone()
    assert (other.folder / "large").read_bytes() == content


def test_a_long_fetch_sends_its_request_gzipped(plane, person):
    name, _ = plane.add()
    demo, other = person(plane.url(name)), person(plane.url(name), "other")
    demo.clone()
    other.clone()
    for number in range(30):
        demo.git("checkout", "-q", "-b", f"b{number}", "master")
        demo.git("commit", "-q", "--allow-empty", "-m", str(number))
    demo.git("push", "-q", "origin", "--all")
    other.environ["GIT_TRACE_CURL"] = "1"
    assert "content-encoding: gzip" in other.git("fetch").stderr.lower()
    there = demo.git("rev-parse", "b29").stdout
    assert other.git("rev-parse", "origin/b29").stdout == there


def test_several_push_at_once(plane, person):
    people = []
    for number in range(4):
        name, repository_id = plane.add()
        someone = person(plane.url(name), f"clone{number}")
        someone.clone()
        people.append((someone, someone.commit(), repository_id))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda entry: entry[0].git("push", "origin", "master"), people))
    assert all(head_commit(repository_id) == sha for _, sha, repository_id in people)


def test_of_two_pushes_to_one_branch_one_wins(plane, person):
    name, repository_id = plane.add()
    people = [person(plane.url(name), f"clone{number}") for number in range(2)]
    for number, someone in enumerate(people):
        someone.clone()
        someone.commit(content=b"%d" % number)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda p: p.git("push", "origin", "master", check=False), people))
    assert sorted(result.returncode for result in done) == [0, 1]
    winner = people[[result.returncode for result in done].index(0)]
    assert head_commit(repository_id) == winner.git("rev-parse", "HEAD").stdout.strip()


def test_a_long_build_keeps_nobody_else_waiting(plane, person):
    name, repository_id = plane.add()
    plan = plane.plan(repository_id, "waits")
    demo = person(plane.url(name))
    demo.clone()
    after = demo.commit()
    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(demo.git, "push", "origin", "master")
        plane.wait_for(event="pushed", after=after)
        person(plane.url(name), "other").clone()
        assert not pushing.done()
        plan.unlink()
        done = pushing.result()
    assert remote_lines(done)[-1] == f"algo://demo/thing/{after}"


def test_the_build_goes_on_when_the_pusher_leaves(plane, person):
    name, repository_id = plane.add()
    plane.plan(repository_id, "waits")
    demo = person(plane.url(name))
    demo.clone()
    after = demo.commit()
    closed = len(plane.events(event="closed", waiting=True))
    command = ["git", "-C", str(demo.folder), "push", "origin", "master"]
    pushing = subprocess.Popen(
        command, env=demo.environ, stderr=subprocess.DEVNULL, start_new_session=True
    )
    plane.wait_for(event="building", after=after)
    os.killpg(pushing.pid, signal.SIGKILL)
    pushing.wait()
    latest = time.monotonic() + 15
    while len(plane.events(event="closed", waiting=True)) == closed or _backends(repository_id):
        left = _backends(repository_id)
        assert time.monotonic() < latest, f"something of the push is left: {left}"
        time.sleep(0.05)
    assert head_commit(repository_id) == after


def _backends(repository_id):
    """Command lines of the processes that work for this repository."""
    wanted = repository_path(repository_id).name.encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in entry.read_bytes():
                found.append(entry.with_name("cmdline").read_text())
        except OSError:
            continue
    return found


def test_git_is_stopped_when_half_a_push_breaks_off(plane, person):
    name, repository_id = plane.add()
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=30)
    connection.putrequest("POST", f"/git/demo/{name}.git/git-receive-pack")
    connection.putheader("Authorization", "Basic " + base64.b64encode(b"demo:secret").decode())
    connection.putheader("Content-Type", "application/x-git-receive-pack-request")
    connection.putheader("Content-Length", "100000")
    connection.endheaders()
    connection.send(b"00")
    latest = time.monotonic() + 15
    while not _backends(repository_id):
        assert time.monotonic() < latest
        time.sleep(0.02)
    connection.close()
    while _backends(repository_id):
        assert time.monotonic() < latest, "git runs still"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/info/refs"),
        ("GET", "/info/refs?service=git-upload-archive"),
        ("POST", "/info/refs?service=git-upload-pack"),
        ("GET", "/git-upload-pack"),
        ("GET", "/HEAD"),
        ("GET", "/config"),
        ("GET", "/objects/info/packs"),
        ("GET", "/../x.git/info/refs?service=git-upload-pack"),
        ("GET", "/%2e%2e/info/refs?service=git-upload-pack"),
        ("PUT", "/git-receive-pack"),
    ],
)
def test_only_the_smart_protocol_is_served(plane, method, path):
    name, _ = plane.add()
    answer, _ = ask(plane, method, f"/git/demo/{name}.git{path}")
    assert answer.status == 404


def test_anonymous_are_asked_for_credentials(plane):
    for name in (plane.add()[0], "not_there"):
        path = f"/git/demo/{name}.git/info/refs?service=git-upload-pack"
        answer, data = ask(plane, "GET", path, login=None)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="algoport"'
        assert answer.headers["Content-Type"] == "text/plain"
        assert b"Sign in" in data


def post(plane, name, body, service="git-upload-pack", **headers):
    path = f"/git/demo/{name}.git/{service}"
    headers = {"Content_Type": f"application/x-{service}-request"} | headers
    return ask(plane, "POST", path, body=body, **headers)


def test_bodies_that_are_not_gits_are_refused(plane):
    name, _ = plane.add()
    bomb = gzip.compress(b"0" * 200_000_000)
    assert post(plane, name, b"0000", Content_Type="text/plain")[0].status == 415
    assert post(plane, name, b"0000", Content_Encoding="br")[0].status == 415
    assert post(plane, name, b"no gzip", Content_Encoding="gzip")[0].status == 415
    for body, headers in ((bytes(17 * 1024**2), {}), (bomb, {"Content_Encoding": "gzip"})):
        try:
            assert post(plane, name, body, **headers)[0].status in {200, 413}
        except (BrokenPipeError, ConnectionResetError):
            continue  # Refused before all of it was sent.
    assert post(plane, name, gzip.compress(b"0000"), Content_Encoding="gzip")[0].status == 200


def test_versions_of_the_protocol(plane):
    name, _ = plane.add()
    path = f"/git/demo/{name}.git/info/refs?service=git-upload-pack"
    old, first = ask(plane, "GET", path)
    new, second = ask(plane, "GET", path, Git_Protocol="version=2")
    odd, third = ask(plane, "GET", path, Git_Protocol="version=2; x")
    assert (old.status, new.status, odd.status) == (200, 200, 200)
    assert b"version 2" in second
    assert b"version 2" not in first + third
    assert old.headers["Content-Type"] == "application/x-git-upload-pack-advertisement"
    assert old.headers["Cache-Control"].startswith("no-cache")


def test_a_hostile_commit_is_refused_on_arrival(plane, person):
    name, repository_id = plane.add()
    demo = person(plane.url(name))
    demo.clone()
    blob = demo.git("rev-parse", "HEAD:a.py").stdout.strip()
    raw = b"100644 .git\0" + bytes.fromhex(blob)
    (demo.folder / "raw").write_bytes(raw)
    tree = demo.git("hash-object", "-t", "tree", "-w", "--literally", "raw").stdout.strip()
    sha = demo.git("commit-tree", "-p", "HEAD", "-m", "x", tree).stdout.strip()
    done = demo.git("push", "origin", f"{sha}:master", check=False)
    assert done.returncode == 1
    assert "hasDotgit" in done.stderr
    assert head_commit(repository_id) != sha
