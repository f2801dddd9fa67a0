"""The kinds of network addresses, and which of them calls to providers may use.

The author of a ProviderBinding must not be able to reach addresses that only the gateway can reach.
"""

from dataclasses import dataclass
from enum import Flag, auto
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Reach(Flag):
    """The kinds of addresses that calls may use. Addresses of no kind are never allowed, such as
    link-local addresses and metadata services."""

    PUBLIC = auto()
    """Internet addresses: for endpoints that a binding names."""

    PRIVATE = auto()
    """Addresses of private networks."""

    LOOPBACK = auto()
    """Loopback addresses, for simulators and tests."""

    NETWORK = PUBLIC | PRIVATE
    """For a provider's default host name, which may resolve to a private endpoint in the cluster's
    network, as with AWS PrivateLink."""

    ANYWHERE = PUBLIC | PRIVATE | LOOPBACK


_METADATA = (
    ip_network("168.63.129.16/32"),  # Azure's wire server, which has a public address
    ip_network("100.100.100.200/32"),  # Alibaba Cloud
    ip_network("192.0.0.192/32"),  # Oracle Cloud, classic
    ip_network("fd00:ec2::/32"),  # AWS: metadata and credentials
    ip_network("fd20:ce::/64"),  # Google Cloud
    ip_network("fd00:c1::/32"),  # Oracle Cloud
    ip_network("fd00:42::/64"),  # Scaleway
)
"""Services that give a machine its credentials, at addresses that are not link-local."""

_THIS_HOST = ip_network("0.0.0.0/8")
""""This host on this network" (RFC 1122): Linux connects to itself."""

_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv6 addresses that NAT64 translates to the IPv4 address in the last four bytes (RFC 6052)."""

_GLOBAL_UNICAST, _UNIQUE_LOCAL = ip_network("2000::/3"), ip_network("fc00::/7")
"""The IPv6 addresses of hosts. All others are link-local or site-local, multicast, reserved, or
map to an IPv4 address by a rule that only the network knows (`::/96`, `64:ff9b:1::/48`)."""

_ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))
"""The third quarter of an IPv6 address that tunnels to the IPv4 address in its fourth: RFC 5214."""


@dataclass(frozen=True)
class Egress:
    """The addresses that the connections to one host may use."""

    reach: Reach
    """The kinds of addresses that are allowed."""

    networks: tuple[Network, ...] = ()
    """Networks whose private addresses are allowed as well."""

    def allows(self, address: str) -> bool:
        """Return whether a connection may use a textual IP address.

        Raises:
            ValueError: It is not an IP address.
        """
        kind = kind_of(address)
        if kind is None:
            return False
        return kind in self.reach or (kind is Reach.PRIVATE and self._includes(address))

    def _includes(self, address: str) -> bool:
        found = _embedded(_parsed(address))
        return any(found in network for network in self.networks)


def kind_of(address: str) -> Reach | None:
    """Return the kind of a textual IP address: the reach that includes it, or None.

    Raises:
        ValueError: It is not an IP address.
    """
    found = _embedded(_parsed(address))
    if any(found in network for network in _METADATA):
        return None
    if found.is_loopback:
        return Reach.LOOPBACK
    is_host = _is_ipv4_host(found) if isinstance(found, IPv4Address) else _is_ipv6_host(found)
    if not is_host:
        return None
    return Reach.PUBLIC if found.is_global else Reach.PRIVATE


def _parsed(address: str) -> Address:
    return ip_address(address.partition("%")[0])


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address maps to, if there is one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _is_ipv4_host(address: IPv4Address) -> bool:
    return not (
        address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address in _THIS_HOST
    )


def _is_ipv6_host(address: IPv6Address) -> bool:
    is_unicast = address in _GLOBAL_UNICAST or address in _UNIQUE_LOCAL
    return is_unicast and address.packed[8:12] not in _ISATAP
