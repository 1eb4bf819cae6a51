"""Which addresses are hosts of the public internet, and which are this machine's."""

import socket
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import psutil

Address = IPv4Address | IPv6Address

# What the registries of special addresses list, and one that a cloud serves its machines on.
_SPECIAL: dict[IPv4Network | IPv6Network, str] = {
    ip_network(network): kind
    for network, kind in {
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


def special_kind(address: Address) -> str:
    """What it is in place of one host's address on the public internet; "" for such an address."""
    for network, kind in _SPECIAL.items():
        if address in network:
            return kind
    if isinstance(address, IPv6Address) and (address not in _UNICAST or address.scope_id):
        return "a reserved address"
    return ""


def special_networks() -> list[IPv4Network]:
    """The IPv4 networks whose addresses are no hosts of the public internet."""
    return [network for network in _SPECIAL if isinstance(network, IPv4Network)]


def own_addresses() -> frozenset[Address]:
    """The addresses of all this machine's interfaces as they are now."""
    return frozenset(
        ip_address(each.address.partition("%")[0])
        for interface in psutil.net_if_addrs().values()
        for each in interface
        if each.family in (socket.AF_INET, socket.AF_INET6)
    )
