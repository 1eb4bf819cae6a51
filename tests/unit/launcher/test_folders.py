"""Folders, the lock and logs of a start."""

import os
from pathlib import Path

import pytest

from algoport.launcher.errors import StartRefused
from algoport.launcher.folders import (
    last_lines,
    make_folder,
    make_socket_folder,
    remove_socket_folder,
    rotate_log,
    take_lock,
)


def test_a_folder_gets_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        make_folder(tmp_path / "a" / "b", 0o711)
    finally:
        os.umask(before)

    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o711


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartRefused, match=r"cannot make the folder .*/file/below"):
        make_folder(tmp_path / "file" / "below", 0o755)


def test_old_sockets_are_removed(tmp_path: Path) -> None:
    sockets = tmp_path / "run"
    make_socket_folder(sockets)
    (sockets / "valkey.sock").touch()

    make_socket_folder(sockets)

    assert list(sockets.iterdir()) == []
    remove_socket_folder(sockets)
    remove_socket_folder(sockets)
    assert not sockets.exists()


def test_a_link_in_place_of_the_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "theirs")

    with pytest.raises(StartRefused, match="belongs to somebody else"):
        make_socket_folder(tmp_path / "run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else")
def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    sockets = tmp_path / "run"
    sockets.mkdir()
    os.chown(sockets, 12345, 12345)

    with pytest.raises(StartRefused, match="belongs to somebody else"):
        make_socket_folder(sockets)


def test_a_second_lock_names_the_holder(tmp_path: Path) -> None:
    held = take_lock(tmp_path / "up.lock")

    with pytest.raises(StartRefused, match=rf"in use by a running platform \(pid {os.getpid()}\)"):
        take_lock(tmp_path / "up.lock")

    os.close(held)
    os.close(take_lock(tmp_path / "up.lock"))


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("short")
    rotate_log(log)
    assert log.exists()

    with log.open("ab") as out:
        out.truncate(11 * 1024 * 1024)
    rotate_log(log)

    assert not log.exists()
    assert (tmp_path / "web.log.1").exists()


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    assert last_lines(log) == ""

    log.write_text("".join(f"line {number}\n" for number in range(5000)))

    assert last_lines(log, 2) == "line 4998\nline 4999"
