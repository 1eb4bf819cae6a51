"""Connections of blocking clients, such as the SDKs of storages, to checked addresses only.

The name is resolved here and the connection is made to an address that was checked, each time:
neither a redirect nor a change of the DNS leads a client elsewhere.
"""

import socket
from functools import cache
from ipaddress import ip_address
from typing import Any, NoReturn, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from algoport.http.addresses import AddressNotAllowed, Destination, OutgoingPolicy
from algoport.internet import Address

_MOST_ADDRESSES = 4

Pool = TypeVar("Pool", bound=type[HTTPConnectionPool])


class ConnectionNotAllowed(HTTPError):
    """The address that a client was about to contact is not open to it."""


def resolve_now(host: str, port: int) -> list[Address]:
    """What the host's name stands for. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(each[4][0]) for each in found))


def checked_pool(pool: Pool, policy: OutgoingPolicy) -> Pool:
    """A connection pool as this one, which connects to what the policy allows."""
    connection_class = _checked_connection(pool.ConnectionCls, policy)
    return type(pool.__name__, (pool,), {"ConnectionCls": connection_class})  # type: ignore[return-value]


def checked_session(policy: OutgoingPolicy, session: requests.Session) -> requests.Session:
    """Have this session connect to what the policy allows, whatever it is asked for."""
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _CheckedAdapter(policy))
    return session


class _CheckedAdapter(HTTPAdapter):
    def __init__(self, policy: OutgoingPolicy) -> None:
        self._policy = policy
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": checked_pool(HTTPConnectionPool, self._policy),
            "https": checked_pool(HTTPSConnectionPool, self._policy),
        }

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> NoReturn:
        # SECURITY: a proxy would connect to what nobody here has checked.
        raise ConnectionNotAllowed("connections to storages use no proxy")


@cache
def _checked_connection(
    connection_class: type[HTTPConnection], policy: OutgoingPolicy
) -> type[HTTPConnection]:
    scheme = "https" if issubclass(connection_class, HTTPSConnection) else "http"

    class CheckedConnection(connection_class):  # type: ignore[misc, valid-type]
        def _new_conn(self) -> socket.socket:
            host = self._dns_host.strip("[]").rstrip(".").lower()
            return _connect(self, policy, Destination(scheme, host, self.port, "/"))

    return CheckedConnection


def _connect(connection: Any, policy: OutgoingPolicy, destination: Destination) -> socket.socket:
    try:
        policy.check_host(destination)
        addresses = resolve_now(destination.host, destination.port)
        policy.check_addresses(destination, addresses)
    except AddressNotAllowed as exc:
        raise ConnectionNotAllowed(str(exc)) from exc
    # Of a name that no DNS can have: a UnicodeError.
    except (OSError, UnicodeError) as exc:
        text = f"the name {destination.host} cannot be resolved"
        raise NewConnectionError(connection, text) from exc
    failure: OSError | None = None
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return _open(connection, str(address), destination.port)
        except OSError as exc:
            failure = exc
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"{destination.authority} does not answer")
    text = f"{destination.authority} does not take connections"
    raise NewConnectionError(connection, text) from failure


def _open(connection: Any, address: str, port: int) -> socket.socket:
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else None
    made = socket.create_connection((address, port), timeout, connection.source_address)
    for option in connection.socket_options or ():
        made.setsockopt(*option)
    return made
