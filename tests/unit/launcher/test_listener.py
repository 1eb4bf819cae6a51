"""The listening socket and the probe of the platform's health."""

import socket
import time

import pytest

from algoport.launcher.errors import StartRefused
from algoport.launcher.listener import HealthProbe, listen, local_address, local_url


def test_it_listens_on_the_port() -> None:
    with listen("127.0.0.1", 0) as listener:
        host, port = local_address(listener)
        assert local_url(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection((host, port)).close()


def test_every_address_is_reached_by_loopback() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert local_address(listener)[0] == "127.0.0.1"


def test_a_port_in_use_is_refused() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartRefused, match=f"127.0.0.1 port {port}: the port is in use"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartRefused, match="this machine does not have that address"):
        listen("192.0.2.1", 8080)


def test_a_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(StartRefused, match=r"ALGOPORT_HOST='host\.invalid' is not valid"):
        listen("host.invalid", 8080)


def test_the_probe_waits_and_asks_again_when_it_was_cut_off() -> None:
    with listen("127.0.0.1", 0) as listener:
        probe = HealthProbe(local_address(listener))
        assert not probe.has_answered()

        listener.accept()[0].close()  # A web process that died while it was starting.
        listener.settimeout(0.02)
        while (connection := _accepted(listener)) is None:
            assert not probe.has_answered()
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.close()

        while not probe.has_answered():
            time.sleep(0.01)
        probe.close()


def _accepted(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except TimeoutError:
        return None
