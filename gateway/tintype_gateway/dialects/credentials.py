"""The credentials that a call carries."""

from collections.abc import Mapping

from tintype_gateway.values import UpstreamFault


def required(credentials: Mapping[str, str], key: str) -> str:
    """Return the value of a key of the binding's Secret.

    Raises:
        UpstreamFault: There is none, so that only another route can serve the request.
    """
    if key not in credentials:
        raise UpstreamFault("unauthorized", f"the credentials have no {key}")
    return credentials[key]
