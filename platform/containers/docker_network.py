"""The network of containers that may use the internet: public addresses, and nothing near us."""

import os
import shutil
import subprocess
import threading
from ipaddress import IPv4Address

import docker
from docker.errors import APIError, NotFound

from algoport.containers import egress_policy
from algoport.containers.egress_policy import REFUSED_PORTS, PublicInternet
from algoport.containers.errors import EgressRefused, RunnerStartFailed
from algoport.internet import special_networks

_BRIDGE, _CHAIN = "algoport0", "ALGOPORT"
_REFUSE = ("-j", "REJECT")


class ContainerNetwork:
    """A bridge of its own, from which rules of the packet filter let through what a policy allows.

    Rules are made by root with iptables. Where there is neither, containers have no interface, and
    reach the internet by the proxy alone, as in the sandbox runtime.
    """

    name = "algoport-internet"

    def __init__(self, client: "docker.APIClient") -> None:
        self._client = client
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        self._has_rules = os.geteuid() == 0 and shutil.which("iptables") is not None

    def check(self) -> str:
        """How containers with a network have it, in a few words."""
        return "networks behind a packet filter" if self._has_rules else "networks by a proxy"

    def is_ready(self, policy: PublicInternet) -> bool:
        """Whether there is such a network; made with its rules by the first who asks.

        Raises RunnerStartFailed.
        """
        if not self._has_rules:
            return False
        try:
            near = policy.find_neighbours(egress_policy.resolve)
        except EgressRefused as exc:
            raise RunnerStartFailed(str(exc)) from exc
        with self._lock:
            if not self._refused:
                self._make()
            for address in sorted(str(each) for each in near if isinstance(each, IPv4Address)):
                self._refuse(address)
        return True

    def _make(self) -> None:
        # The rules first: no container is on the bridge before they hold.
        _ensure_chain()
        _ensure_rule("INPUT", "-i", _BRIDGE, *_REFUSE)
        for port in sorted(REFUSED_PORTS):
            _ensure_rule(_CHAIN, "-p", "tcp", "--dport", str(port), *_REFUSE)
        for network in special_networks():
            self._refuse(str(network))
        _ensure_rule("DOCKER-USER", "-i", _BRIDGE, "-j", _CHAIN)
        try:
            self._client.inspect_network(self.name)
        except NotFound:
            self._create()

    def _create(self) -> None:
        options = {
            "com.docker.network.bridge.name": _BRIDGE,
            "com.docker.network.bridge.enable_icc": "false",
        }
        try:
            self._client.create_network(self.name, driver="bridge", options=options)
        except APIError as exc:
            if exc.status_code != 409:  # Another worker was quicker.
                raise RunnerStartFailed(f"the engine made no network: {exc.explanation}") from exc

    def _refuse(self, addresses: str) -> None:
        if addresses not in self._refused:
            _ensure_rule(_CHAIN, "-d", addresses, *_REFUSE)
            self._refused.add(addresses)


def _ensure_chain() -> None:
    if _iptables("-n", "-L", _CHAIN).returncode != 0:
        _require(_iptables("-N", _CHAIN))


def _ensure_rule(chain: str, *rule: str) -> None:
    """Before all others of the chain, where it is not in it yet; other workers' rules stay."""
    if _iptables("-C", chain, *rule).returncode != 0:
        _require(_iptables("-I", chain, "1", *rule))


def _require(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode != 0:
        raise RunnerStartFailed(f"the packet filter took no rule: {done.stderr.strip()}")


def _iptables(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ("iptables", "--wait", "10", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)
