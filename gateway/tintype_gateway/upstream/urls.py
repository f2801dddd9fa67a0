"""Parses URLs that clients, providers and manifests name."""

import yarl


def parsed_url(text: str, *, encoded: bool = False) -> yarl.URL:
    """Return a URL. `encoded` tells whether its escapes stay as they are.

    Raises:
        ValueError: It is no URL.
    """
    try:
        return yarl.URL(text, encoded=encoded)
    except IndexError as error:  # yarl reads the first character of an empty host
        raise ValueError("the host is missing behind the user") from error
