"""The private networks and Services that a release allows its bindings to call.

An entry is a network in CIDR notation, such as `10.20.0.0/16`, or a Service as `NAMESPACE/NAME`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from typing_extensions import override

from tintype_catalog.addresses import Network
from tintype_catalog.allowed_hosts import listed

_SERVICE = re.compile(
    r"(?P<namespace>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)/(?P<name>[a-z]([-a-z0-9]{0,61}[a-z0-9])?)"
)

_SERVICE_HOST = re.compile(
    r"(?P<name>[a-z]([-a-z0-9]{0,61}[a-z0-9])?)\.(?P<namespace>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)"
    r"\.svc(\.cluster\.local)?"
)


@dataclass(frozen=True)
class Service:
    """A Service of the cluster."""

    namespace: str
    name: str

    @override
    def __str__(self) -> str:
        """Return the entry that allows the Service."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class PrivateNetworks:
    """The allowed networks and Services."""

    networks: tuple[Network, ...] = ()
    services: frozenset[Service] = frozenset()


NONE = PrivateNetworks()


def read_private_networks(entries: Iterable[str]) -> PrivateNetworks:
    """Return the networks and Services of a list.

    Raises:
        ValueError: An entry is neither, or is a network that no setting may allow.
    """
    networks: list[Network] = []
    services: set[Service] = set()
    for entry in entries:
        if found := _SERVICE.fullmatch(entry):
            services.add(Service(found["namespace"], found["name"]))
        else:
            networks.append(_network(entry))
    return PrivateNetworks(tuple(networks), frozenset(services))


def _entries(value: object) -> object:
    return listed(value) if isinstance(value, str) else value


def _checked(entries: tuple[str, ...]) -> tuple[str, ...]:
    read_private_networks(entries)
    return entries


PrivateList = Annotated[tuple[str, ...], BeforeValidator(_entries), AfterValidator(_checked)]
"""The entries in a setting, separated by commas or white space."""


def service_of(host: str) -> Service | None:
    """Return the Service with a host name, such as `vllm.images.svc`; None if it is no Service."""
    found = _SERVICE_HOST.fullmatch(host.lower().removesuffix("."))
    return Service(found["namespace"], found["name"]) if found else None


def _network(entry: str) -> Network:
    try:
        if "/" not in entry:
            raise ValueError("it has no prefix length")
        network = ip_network(entry)
    except ValueError as error:
        raise ValueError(
            f"{entry!r} is neither a network such as 10.20.0.0/16 nor a Service such as "
            f"images/vllm: {error}"
        ) from error
    if network.is_loopback or network.is_link_local:
        raise ValueError(f"{entry!r} cannot be allowed: it is a loopback or link-local network")
    return network
