"""Lines that a pusher is shown."""

from scm.api.pushes import RefUpdate, describe_update, parse_updates, wrap_line
from scm.host import NO_COMMIT

SHA = "a" * 40


def test_parse_updates():
    text = f"{NO_COMMIT} {SHA} refs/heads/master\n{SHA} {NO_COMMIT} refs/tags/v1\n"
    assert parse_updates(text.encode()) == [
        RefUpdate(NO_COMMIT, SHA, "refs/heads/master"),
        RefUpdate(SHA, NO_COMMIT, "refs/tags/v1"),
    ]


def test_describe_update():
    said = [
        describe_update(RefUpdate(NO_COMMIT, SHA, "refs/heads/feature/x")),
        describe_update(RefUpdate(NO_COMMIT, SHA, "refs/tags/v1")),
        describe_update(RefUpdate(SHA, NO_COMMIT, "refs/tags/v1")),
    ]
    assert said == [
        "Branch feature/x is stored, but only master is built.",
        "Stored tag v1.",
        "Removed v1.",
    ]


def test_long_lines_are_wrapped_between_words_only():
    parts = wrap_line("word " * 40)
    assert len(parts) > 2
    assert all(len(part) <= 72 for part in parts)
    address = f"algo://some_owner_of_thirty_letters/an_algorithm_of_some_length/{SHA}"
    assert wrap_line(address) == [address]


def test_heartbeats_and_control_characters_are_not_shown():
    assert wrap_line("") == []
    assert wrap_line("a\x1b[1;31mb\rc\x07\x1b") == ["ab c"]
