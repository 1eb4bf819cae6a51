"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings

from algoport.http.asgi import Request

UNKNOWN = "unknown"


def address_of(request: Request) -> str:
    """The client's address of a request to a byte plane."""
    peer = request.scope.get("client")
    forwarded_for = request.header(b"x-forwarded-for")
    return client_address(peer[0] if peer else "", forwarded_for, settings.TRUSTED_PROXIES)


def client_address(peer: str, forwarded_for: str | None, trusted_proxies: int) -> str:
    """The client's address, as the outermost proxy that is trusted has seen it.

    `peer` is who has connected, `forwarded_for` the value of X-Forwarded-For, to whose end each
    proxy adds whom it has seen. With fewer entries than proxies the request came past them.
    """
    if trusted_proxies == 0 or not forwarded_for:
        return _address(peer)
    seen = forwarded_for.split(",")
    if len(seen) < trusted_proxies:
        return _address(peer)
    return _address(seen[-trusted_proxies])


def _address(text: str) -> str:
    """An address as one text of many ways to write it; UNKNOWN for what is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
