"""Where calls may go: who writes a ProviderBinding must not reach what only the gateway can reach.

The address is judged at the moment when a socket is made for it, so that a name which resolves to
something else the second time (DNS rebinding) gains nothing, and neither do unusual spellings.
"""

import errno
import logging
import socket
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""What `socket.getaddrinfo` gives for one address."""

log = logging.getLogger(__name__)

SETTING = "TINTYPE_ALLOW_PRIVATE_ENDPOINTS"
"""What whoever runs the gateway can set, if a call was meant to go there."""

_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv6 addresses that a NAT64 turns into the IPv4 address in their last four bytes (RFC 6052)."""


_OF_THE_HOST = (ip_network("0.0.0.0/8"), ip_network("fd00:ec2::/32"))
"""This host on this network (RFC 1122), and AWS's metadata and credentials of a machine in IPv6,
which is link-local in all but its address."""


class Reach(Enum):
    """How far calls may go."""

    PUBLIC = "public"
    """To addresses of the Internet only: for endpoints that a binding names."""

    NETWORK = "network"
    """Also to private ones: a provider's own name may lead to a private endpoint in one's network,
    as AWS PrivateLink does."""

    ANYWHERE = "anywhere"
    """Also to this very machine, as simulators and tests need it."""


class ForbiddenAddressError(PermissionError):
    """A call would have gone where calls may not go. Its errno is EACCES."""


def is_allowed(address: str, reach: Reach) -> bool:
    """Return whether calls of this reach may go to an IP address, in text."""
    if reach is Reach.ANYWHERE:
        return True
    found = _embedded(ip_address(address.partition("%")[0]))
    if reach is Reach.PUBLIC:
        return found.is_global and not found.is_multicast
    return not (
        found.is_loopback
        or found.is_link_local
        or found.is_unspecified
        or any(found in network for network in _OF_THE_HOST)
        or found.is_multicast
        or found.is_reserved
    )


def guarded_sockets(reach: Reach) -> Callable[[AddressInfo], socket.socket]:
    """Return what makes the sockets of an aiohttp connector, and refuses forbidden addresses.

    It raises ForbiddenAddressError, which aiohttp turns into a ClientConnectorError.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not is_allowed(str(address[0]), reach):
            log.warning("call not allowed", extra={"address": address[0], "setting": SETTING})
            raise ForbiddenAddressError(errno.EACCES, f"calls may not go to {address[0]}")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


def _embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
