"""URLs that a provider's response names: only hosts that its dialect lists are called.

A response must not lead the gateway, and least of all its credentials, elsewhere.
"""

import re
from collections.abc import Iterable

import yarl

from tintype_catalog.allowed_hosts import allows
from tintype_gateway.upstream.urls import parsed_url
from tintype_gateway.values.upstream import UpstreamRequest

_PLAIN = re.compile(r"[\x21-\x7e]{1,4096}")
"""What can be sent as it is."""


def listed_url(named: str, call: str, hosts: Iterable[str]) -> yarl.URL:
    """Return a URL that a response names, to be called exactly as it is written.

    Args:
        named: What the provider wrote.
        call: The URL of the call, whose scheme, host and port are always allowed.
        hosts: The allowed hosts beside it; an entry without a port means https.

    Raises:
        ValueError: It is at another host, or no URL. The message says which, without its path,
            which may be a secret.
    """
    if _PLAIN.fullmatch(named) is None:
        raise ValueError("it is not a valid URL")
    try:
        target = parsed_url(named, encoded=True)
        origin = target.origin()
    except ValueError as error:
        raise ValueError("it is not a valid URL") from error
    if target.raw_user is not None or target.raw_password is not None:
        raise ValueError(f"it has a user, at {origin}")
    is_own = origin == yarl.URL(call, encoded=True).origin()
    if not is_own and not allows(hosts, str(origin)):
        raise ValueError(f"it is at {origin}, which is no host of the provider")
    return target


def headers_at(target: yarl.URL, request: UpstreamRequest) -> dict[str, str]:
    """Return the headers of a call for a further request at a listed URL, credentials included.

    Headers that only the host of the call may get are left out elsewhere.
    """
    if target.origin() == yarl.URL(request.url, encoded=True).origin():
        return request.access_headers
    own = {name.lower() for name in request.own_host_headers}
    return {k: v for k, v in request.access_headers.items() if k.lower() not in own}
