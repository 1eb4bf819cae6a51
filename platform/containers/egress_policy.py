"""Where sandboxes may connect to: the hosts of a list, or the public internet."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from algoport.containers.errors import EgressRefused
from algoport.internet import Address, own_addresses, special_kind

Resolve = Callable[[str], Sequence[Address]]

# Mail servers take what comes to this port from anybody: a sandbox would send spam in our name.
REFUSED_PORTS = frozenset({25})
_NEIGHBOURS_SECONDS = 60


class EgressPolicy(ABC):
    """What a proxy asks before it connects to anything."""

    # Whether connections go through the proxy that this machine itself has to use, if any. That
    # proxy resolves names, so it is right only where the name alone is what is checked.
    uses_machine_proxy: ClassVar[bool]

    @abstractmethod
    def check_name(self, host: str, port: int) -> None:
        """Raises EgressRefused when no address of the host would do."""

    @abstractmethod
    def find_addresses(self, host: str, port: int, resolve: Resolve) -> list[Address]:
        """The addresses that may be connected to, at least one; asks the network.

        Raises EgressRefused, or OSError when the name has no address.
        """


@dataclass(frozen=True)
class AllowedHosts(EgressPolicy):
    """The hosts and ports of a list, wherever they are."""

    hosts: frozenset[tuple[str, int]]
    uses_machine_proxy = True

    def check_name(self, host: str, port: int) -> None:
        if (host.lower().rstrip("."), port) not in self.hosts:
            raise EgressRefused(
                f"builds may not connect to {host}:{port}; only the package index is reachable"
            )

    def find_addresses(self, host: str, port: int, resolve: Resolve) -> list[Address]:
        return list(resolve(host))


class PublicInternet(EgressPolicy):
    """Every public address but this machine's own and those of the hosts in `neighbours`."""

    uses_machine_proxy = False

    def __init__(
        self,
        neighbours: Sequence[str] = (),
        own_addresses: Callable[[], frozenset[Address]] = own_addresses,
    ) -> None:
        self._neighbours = tuple(neighbours)
        self._own_addresses = own_addresses
        self._near: frozenset[Address] = frozenset()
        self._near_until = 0.0

    def check_name(self, host: str, port: int) -> None:
        if port in REFUSED_PORTS:
            raise EgressRefused(
                f"algorithms may not connect to port {port}, where mail is delivered; "
                "send mail through a provider's port 465 or 587"
            )

    def find_addresses(self, host: str, port: int, resolve: Resolve) -> list[Address]:
        self.find_neighbours(resolve)
        found = resolve(host)
        refusals = {address: self.refusal(address, port) for address in found}
        allowed = [address for address in found if not refusals[address]]
        if not allowed:
            reasons = " and ".join(sorted(set(refusals.values()))) or "no address"
            raise EgressRefused(
                f"algorithms may not connect to {host}:{port}, which has {reasons}; "
                "only the public internet is reachable"
            )
        return allowed

    def refusal(self, address: Address, port: int) -> str:
        """What kind of address it is that may not be connected to; "" for one that may."""
        kind = special_kind(address)
        if kind:
            return kind
        if address in self._near or address in self._own_addresses():
            return "an address of the platform"
        return ""

    def find_neighbours(self, resolve: Resolve) -> frozenset[Address]:
        """The addresses of the platform that are elsewhere. Raises EgressRefused."""
        if not self._neighbours or time.monotonic() < self._near_until:
            return self._near
        found: set[Address] = set()
        for host in self._neighbours:
            try:
                found.update(resolve(host))
            except OSError as exc:
                raise EgressRefused(
                    "the platform cannot tell its own addresses from others now; try later"
                ) from OSError(f"{host}, which is of the platform, does not resolve: {exc}")
        self._near = frozenset(found)
        self._near_until = time.monotonic() + _NEIGHBOURS_SECONDS
        return self._near


def resolve(host: str) -> list[Address]:
    """The addresses of a name, or of a literal in any spelling. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except ValueError as exc:
        raise OSError(f"{host!r} is no name of a host") from exc
    return list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
