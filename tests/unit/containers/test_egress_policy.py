"""Which addresses count as the public internet, in all their forms and spellings."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from algoport.containers.egress_policy import AllowedHosts, PublicInternet, resolve
from algoport.containers.errors import EgressRefused
from algoport.internet import Address, own_addresses

OWN = frozenset({ip_address("8.8.4.4"), ip_address("2606:4700::99")})


@pytest.fixture
def internet() -> PublicInternet:
    return PublicInternet(own_addresses=lambda: OWN)


def names(table: dict[str, list[str]]) -> tuple[list[str], object]:
    asked: list[str] = []

    def look_up(host: str) -> Sequence[Address]:
        asked.append(host)
        if host not in table:
            raise OSError("no such name")
        return [ip_address(each) for each in table[host]]

    return asked, look_up


@pytest.mark.parametrize(
    "literal",
    [
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "172.15.255.255", "172.32.0.0", "192.167.0.1", "223.255.255.254", "2606:4700:4700::1111",
        "2a00:1450:4001:801::200e", "134744072", "0x08080808", "010.8.8.8",
    ],
)  # fmt: skip
def test_public_addresses_may_be_reached(internet: PublicInternet, literal: str) -> None:
    assert internet.find_addresses(literal, 443, resolve) == resolve(literal)


@pytest.mark.parametrize(
    ("literal", "kind"),
    [
        ("127.0.0.1", "loopback"), ("127.255.1.2", "loopback"), ("127.1", "loopback"),
        ("2130706433", "loopback"), ("0x7f000001", "loopback"), ("0x7f.1", "loopback"),
        ("017700000001", "loopback"), ("0177.0.0.01", "loopback"), ("localhost", "loopback"),
        ("\uff11\uff12\uff17.0.0.1", "loopback"), ("::1", "loopback"), ("0:0:0:0:0:0:0:1", "loop"),
        ("0", "unspecified"), ("0.0.0.0", "unspecified"), ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("10.0.0.1", "private"), ("167772161", "private"), ("172.16.0.1", "private"),
        ("172.31.255.255", "private"), ("192.168.1.1", "private"), ("0xc0a80101", "private"),
        ("fd00::1", "private"), ("fd00:ec2::254", "private"), ("fec0::1", "private"),
        ("169.254.169.254", "link-local"), ("2852039166", "link-local"),
        ("0xa9fea9fe", "link-local"), ("0251.0376.0251.0376", "link-local"),
        ("fe80::1", "link-local"),
        ("100.64.0.1", "carrier"), ("100.100.100.200", "carrier"), ("100.127.255.255", "carrier"),
        ("168.63.129.16", "cloud"),
        ("224.0.0.1", "multicast"), ("239.1.2.3", "multicast"), ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"), ("255.255.255.255", "reserved"), ("192.0.2.1", "reserved"),
        ("198.18.0.1", "reserved"), ("198.51.100.1", "reserved"), ("203.0.113.1", "reserved"),
        ("192.0.0.192", "reserved"), ("2001:db8::1", "reserved"), ("3fff::1", "reserved"),
        ("100::1", "reserved"), ("5f00::1", "reserved"), ("4000::1", "reserved"),
        ("::127.0.0.1", "reserved"), ("2001:10::1", "reserved"),
        ("::ffff:127.0.0.1", "stands for"), ("::ffff:a9fe:a9fe", "stands for"),
        ("::ffff:8.8.8.8", "stands for"), ("64:ff9b::10.0.0.1", "stands for"),
        ("64:ff9b:1::a00:1", "stands for"), ("2002:7f00:1::", "stands for"),
        ("2002:a9fe:a9fe::1", "stands for"), ("2001:0:4136:e378:8000:63bf:80ff:fffe", "stands for"),
        ("192.88.99.1", "stands for"),
        ("8.8.4.4", "of the platform"), ("134743044", "of the platform"),
        ("2606:4700::99", "of the platform"),
    ],
)  # fmt: skip
def test_everything_else_may_not(internet: PublicInternet, literal: str, kind: str) -> None:
    with pytest.raises(EgressRefused, match=kind):
        internet.find_addresses(literal, 443, resolve)


def test_this_machine_knows_its_own_addresses() -> None:
    assert ip_address("127.0.0.1") in own_addresses()


def test_of_a_name_only_the_public_addresses_are_used(internet: PublicInternet) -> None:
    _, look_up = names({"both.example": ["10.0.0.1", "8.8.8.8", "::1", "2606:4700:4700::1111"]})
    found = internet.find_addresses("both.example", 443, look_up)
    assert [str(each) for each in found] == ["8.8.8.8", "2606:4700:4700::1111"]


def test_each_question_resolves_once(internet: PublicInternet) -> None:
    asked, look_up = names({"a.example": ["8.8.8.8"]})
    internet.find_addresses("a.example", 443, look_up)
    assert asked == ["a.example"]


def test_neighbours_may_have_public_addresses() -> None:
    near = ["1.2.3.4"]
    asked, look_up = names({"db.example": near, "alias.example": near, "b": ["4.4.4.4"]})
    policy = PublicInternet(["db.example"], own_addresses=frozenset)
    for host in ("db.example", "alias.example"):
        with pytest.raises(EgressRefused, match="of the platform"):
            policy.find_addresses(host, 5432, look_up)
    assert policy.find_addresses("b", 443, look_up)
    assert asked.count("db.example") == 2, "it was asked for again before its time"


def test_without_knowing_the_neighbours_nothing_is_reached() -> None:
    _, look_up = names({"b.example": ["4.4.4.4"]})
    policy = PublicInternet(["db.example"], own_addresses=frozenset)
    with pytest.raises(EgressRefused, match="try later"):
        policy.find_addresses("b.example", 443, look_up)


def test_mail_is_not_delivered(internet: PublicInternet) -> None:
    for port in (1, 80, 443, 465, 587, 8080, 65535):
        internet.check_name("mail.example", port)
    with pytest.raises(EgressRefused, match="port 25"):
        internet.check_name("mail.example", 25)


def test_a_list_of_hosts_is_the_list() -> None:
    policy = AllowedHosts(frozenset({("index.example", 443)}))
    policy.check_name("INDEX.example.", 443)
    for host, port in (("index.example", 80), ("other.example", 443), ("xindex.example", 443)):
        with pytest.raises(EgressRefused, match="only the package index"):
            policy.check_name(host, port)
