"""The check of URLs in manifests that a pattern cannot express."""

from urllib.parse import urlsplit


def has_a_host_and_a_port(url: str) -> str:
    """Return a URL.

    Raises:
        ValueError: It has no host, or its port is not from 1 to 65535.
    """
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return url
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    raise ValueError("is not a URL: it needs a host, and a port from 1 to 65535")
