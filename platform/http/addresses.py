"""Which addresses may be contacted because a user said so."""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from algoport.internet import Address, own_addresses, special_kind

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}
_CHARACTERS = re.compile(r"[\x21-\x7e]+\Z")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z")
_LONGEST_NAME = 253
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# For descriptions: what is always an address; IPv6 addresses in brackets are such as well.
ADDRESS_PATTERN = rf"^https?://{_LABEL}([.]{_LABEL})*(:{_PORT})?(/[!-\[\]-~]*)?\Z"

# Behind a translator its last bytes are the IPv4 address that it leads to.
_TRANSLATED = IPv6Network("64:ff9b::/96")


class AddressNotAllowed(Exception):
    """The text says why, and is for the user who gave the address."""


@dataclass(frozen=True)
class Destination:
    """Where a request goes: a checked URL in parts; `host` is in lower case, without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port, as in a URL; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_destination(url: str) -> Destination:
    """Raises AddressNotAllowed for what is not a plain http or https URL with a host."""
    if len(url) > LONGEST_URL:
        raise AddressNotAllowed(f"an address has at most {LONGEST_URL} characters")
    if not _CHARACTERS.match(url) or "\\" in url:
        raise AddressNotAllowed("an address has ASCII characters only; percent-encode the others")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise AddressNotAllowed("the address is not a valid URL") from exc
    if parts.scheme not in _PORTS:
        raise AddressNotAllowed("an address starts with http:// or https://")
    if "@" in parts.netloc:
        raise AddressNotAllowed("an address holds no user name or password")
    host = (parts.hostname or "").removesuffix(".")
    if port == 0 or not _is_host(host):
        raise AddressNotAllowed("the address has no valid host or port")
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    return Destination(parts.scheme, host, port or _PORTS[parts.scheme], target)


def is_public(address: Address) -> bool:
    """Whether this leads to one host on the public internet."""
    return not special_kind(_where_it_leads(address))


def _where_it_leads(address: Address) -> Address:
    """The IPv4 address in one that stands for it."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@dataclass(frozen=True)
class OutgoingPolicy:
    """The public internet, and the hosts that the site's administrator has allowed.

    `allowed_hosts` has pairs of host and port; no port stands for every port. `setting` is where
    they come from.
    """

    allowed_hosts: frozenset[tuple[str, int | None]] = frozenset()
    setting: str = "ALGOPORT_WEBHOOK_HOSTS"
    own: Callable[[], frozenset[Address]] = own_addresses

    def check_host(self, destination: Destination) -> None:
        """What can be told without asking the DNS. Raises AddressNotAllowed."""
        if self._is_allowed(destination):
            return
        host = destination.host
        if host == "localhost" or host.endswith(".localhost"):
            raise self._not_public(host)
        literal = _literal(host)
        if literal is not None and not self._is_open(literal):
            raise self._not_public(host)

    def check_addresses(self, destination: Destination, addresses: list[Address]) -> None:
        """Each one that the host's name stands for has to be good. Raises AddressNotAllowed."""
        if self._is_allowed(destination):
            return
        if not all(self._is_open(address) for address in addresses):
            raise self._not_public(destination.host)

    def _is_allowed(self, destination: Destination) -> bool:
        host, port = destination.host, destination.port
        return (host, port) in self.allowed_hosts or (host, None) in self.allowed_hosts

    def _is_open(self, address: Address) -> bool:
        return is_public(address) and _where_it_leads(address) not in self.own()

    def _not_public(self, host: str) -> AddressNotAllowed:
        return AddressNotAllowed(
            f"{host} is not a host on the public internet; "
            f"the site's administrator can allow it with {self.setting}"
        )


def _is_host(host: str) -> bool:
    if ":" in host:
        return "%" not in host and _literal(host) is not None
    return len(host) <= _LONGEST_NAME and _NAME.match(host) is not None


def _literal(host: str) -> Address | None:
    """The address that a host is in itself, in any of the forms that resolvers understand."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # 127.1, 0x7f.0.0.1 and 2130706433 are 127.0.0.1 to the C library.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
