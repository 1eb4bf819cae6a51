"""Where sandboxes may connect to: the hosts of a list, or the public internet."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import ClassVar

import psutil

from algoport.containers.errors import EgressRefused

Address = IPv4Address | IPv6Address
Resolve = Callable[[str], Sequence[Address]]

# Mail servers take what comes to this port from anybody: a sandbox would send spam in our name.
_REFUSED_PORTS = frozenset({25})
_NEIGHBOURS_SECONDS = 60

# What the registries of special addresses list, and one that a cloud serves its machines on.
_SPECIAL: dict[IPv4Network | IPv6Network, str] = {
    ip_network(network): reason
    for network, reason in {
        "0.0.0.0/8": "an unspecified address",
        "10.0.0.0/8": "a private address",
        "100.64.0.0/10": "an address inside a carrier's network",
        "127.0.0.0/8": "a loopback address",
        "168.63.129.16/32": "an address that a cloud keeps for its machines",
        "169.254.0.0/16": "a link-local address",
        "172.16.0.0/12": "a private address",
        "192.0.0.0/24": "a reserved address",
        "192.0.2.0/24": "a reserved address",
        "192.88.99.0/24": "an address that stands for another",
        "192.168.0.0/16": "a private address",
        "198.18.0.0/15": "a reserved address",
        "198.51.100.0/24": "a reserved address",
        "203.0.113.0/24": "a reserved address",
        "224.0.0.0/4": "a multicast address",
        "240.0.0.0/4": "a reserved address",
        "::/128": "an unspecified address",
        "::1/128": "a loopback address",
        "::ffff:0:0/96": "an address that stands for another",
        "64:ff9b::/96": "an address that stands for another",
        "64:ff9b:1::/48": "an address that stands for another",
        "2001::/32": "an address that stands for another",
        "2001::/23": "a reserved address",
        "2001:db8::/32": "a reserved address",
        "2002::/16": "an address that stands for another",
        "3fff::/20": "a reserved address",
        "fc00::/7": "a private address",
        "fe80::/10": "a link-local address",
        "fec0::/10": "a private address",
        "ff00::/8": "a multicast address",
    }.items()
}
# All that is assigned to the internet; an IPv6 address outside is refused without a better reason.
_UNICAST = IPv6Network("2000::/3")


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
        own_addresses: Callable[[], frozenset[Address]] | None = None,
    ) -> None:
        self._neighbours = tuple(neighbours)
        self._own_addresses = own_addresses or addresses_of_this_machine
        self._near: frozenset[Address] = frozenset()
        self._near_until = 0.0

    def check_name(self, host: str, port: int) -> None:
        if port in _REFUSED_PORTS:
            raise EgressRefused(
                f"algorithms may not connect to port {port}, where mail is delivered; "
                "send mail through a provider's port 465 or 587"
            )

    def find_addresses(self, host: str, port: int, resolve: Resolve) -> list[Address]:
        self._find_neighbours(resolve)
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
        for network, reason in _SPECIAL.items():
            if address in network:
                return reason
        if isinstance(address, IPv6Address) and (address not in _UNICAST or address.scope_id):
            return "a reserved address"
        if address in self._near or address in self._own_addresses():
            return "an address of the platform"
        return ""

    def _find_neighbours(self, resolve: Resolve) -> None:
        if not self._neighbours or time.monotonic() < self._near_until:
            return
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


def addresses_of_this_machine() -> frozenset[Address]:
    """The addresses of all interfaces as they are now."""
    return frozenset(
        ip_address(each.address.partition("%")[0])
        for interface in psutil.net_if_addrs().values()
        for each in interface
        if each.family in (socket.AF_INET, socket.AF_INET6)
    )


def resolve(host: str) -> list[Address]:
    """The addresses of a name, or of a literal in any spelling. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except ValueError as exc:
        raise OSError(f"{host!r} is no name of a host") from exc
    return list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
