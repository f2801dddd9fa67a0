"""Network addresses that calls to providers may use, to prevent server-side request forgery.

The author of a ProviderBinding must not be able to reach addresses that only the gateway can reach.
The gateway checks the IP address when it creates the socket, so that DNS rebinding and unusual
spellings of an address cannot bypass the check.
"""

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

from tintype_catalog.addresses import Egress, Reach, kind_of

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""One item of the result of `socket.getaddrinfo`."""

log = logging.getLogger(__name__)

SETTINGS = {
    Reach.PRIVATE: "TINTYPE_ALLOWED_PRIVATE_NETWORKS",
    Reach.LOOPBACK: "TINTYPE_ALLOW_LOOPBACK_ENDPOINTS",
}
"""The setting that allows a kind of address, for the log."""


class ForbiddenAddressError(PermissionError):
    """The address of a call is not allowed. The errno is EACCES."""


def guarded_sockets(egress: Egress) -> Callable[[AddressInfo], socket.socket]:
    """Return a socket factory for an aiohttp connector that refuses forbidden addresses.

    The factory raises ForbiddenAddressError, which aiohttp turns into a ClientConnectorError.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not egress.allows(str(address[0])):
            needed = kind_of(str(address[0]))
            setting = None if needed is None else SETTINGS.get(needed)
            log.warning("call not allowed", extra={"address": address[0], "setting": setting})
            raise ForbiddenAddressError(errno.EACCES, f"calls may not go to {address[0]}")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make
