"""Which addresses webhooks and the like may be sent to."""

import re
from ipaddress import ip_address

import pytest
from django.core.exceptions import ImproperlyConfigured

from algoport.http.addresses import (
    ADDRESS_PATTERN,
    AddressNotAllowed,
    OutgoingPolicy,
    is_public,
    parse_destination,
)
from algoport.internet import own_addresses
from algoport.settings import env


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.9",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


def test_own_addresses_are_refused() -> None:
    assert ip_address("127.0.0.1") in own_addresses()
    mine = ip_address("8.8.4.4")
    policy = OutgoingPolicy(own=lambda: frozenset({mine}))
    with pytest.raises(AddressNotAllowed):
        policy.check_addresses(parse_destination("http://here.example"), [mine])
    policy.check_addresses(parse_destination("http://there.example"), [ip_address("8.8.8.8")])


@pytest.mark.parametrize("spelling", ["::ffff:8.8.4.4", "64:ff9b::808:404"])
def test_own_addresses_are_refused_in_other_spellings(spelling: str) -> None:
    policy = OutgoingPolicy(own=lambda: frozenset({ip_address("8.8.4.4")}))
    with pytest.raises(AddressNotAllowed):
        policy.check_host(parse_destination(f"http://[{spelling}]:6379"))
    with pytest.raises(AddressNotAllowed):
        policy.check_addresses(parse_destination("http://here.example"), [ip_address(spelling)])
    policy.check_host(parse_destination("http://[::ffff:8.8.8.8]"))


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("http://Hooks.Example.:8080/a?b=c#d", "hooks.example", 8080, "/a?b=c", None),
        ("HTTP://hooks.example?b", "hooks.example", 80, "/?b", "hooks.example"),
        ("http://[2606:4700::1111]:81/x", "2606:4700::1111", 81, "/x", "[2606:4700::1111]:81"),
        ("https://hooks.example:443/%41//x", "hooks.example", 443, "/%41//x", "hooks.example"),
    ],
)
def test_parts(url: str, host: str, port: int, target: str, authority: str | None) -> None:
    found = parse_destination(url)
    assert (found.host, found.port, found.target) == (host, port, target)
    assert found.authority == (authority or f"{host}:{port}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example/x",
        "//hooks.example",
        "ftp://hooks.example",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://:80/",
        "http://user@hooks.example/",
        "http://user:word@hooks.example/",
        "http://@hooks.example/",
        "http://hooks.example:0/",
        "http://hooks.example:65536/",
        "http://hooks.example:x/",
        "http://hooks example/",
        "http://hooks.example/\r\nX: y",
        "http://hooks.example/ü",
        "http://hüte.example/",
        "http://hooks.example\\@127.0.0.1/",
        "http://[::1/",
        "http://[fe80::1%25lo]/",
        "http://[hooks.example]/",
        "http://-x.example/",
        "http://a..b/",
        "http://hooks.example/" + "x" * 2000,
    ],
)
def test_what_is_no_destination(url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        parse_destination(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0",
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "localhost.",
        "10.1.2.3",
        "169.254.169.254",
        "[::1]",
        "[::ffff:10.0.0.1]",
    ],
)
def test_hosts_that_are_refused_by_name(host: str) -> None:
    with pytest.raises(AddressNotAllowed, match="public internet"):
        OutgoingPolicy().check_host(parse_destination(f"http://{host}/"))


def test_hosts_that_the_administrator_allows() -> None:
    policy = OutgoingPolicy(env.hosts("Hooks.internal, 127.0.0.1:8000,[::1]:81,fd00::1"))
    private = [ip_address("10.0.0.1")]
    for url in ("http://hooks.internal:5/", "http://127.0.0.1:8000", "http://[::1]:81"):
        policy.check_host(parse_destination(url))
        policy.check_addresses(parse_destination(url), private)
    policy.check_host(parse_destination("http://[fd00::1]:9000/"))
    for url in ("http://127.0.0.1:8001", "http://127.0.0.1", "http://[::1]", "http://x.internal"):
        with pytest.raises(AddressNotAllowed):
            policy.check_addresses(parse_destination(url), private)


@pytest.mark.parametrize("raw", ["http://x", "x:99999", "x:y", "a b", ":80", "u@x"])
def test_a_bad_list_of_hosts_stops_the_start(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGOPORT_WEBHOOK_HOSTS", raw)
    with pytest.raises(ImproperlyConfigured, match="ALGOPORT_WEBHOOK_HOSTS"):
        env.read("ALGOPORT_WEBHOOK_HOSTS", env.hosts, env.hosts(""))


@pytest.mark.parametrize(
    "target", ["", "/", "/a?b=[c]#d~^{}", "/a\\b", "/é", ":0/", ":65535/", ":65536/"]
)
def test_what_the_description_allows_is_taken(target: str) -> None:
    url = f"https://hooks.example{target}"
    described = re.match(ADDRESS_PATTERN, url) is not None
    try:
        taken = bool(parse_destination(url))
    except AddressNotAllowed:
        taken = False
    assert described is taken
