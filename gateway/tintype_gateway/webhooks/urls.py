"""The URLs of receivers."""

from urllib.parse import urlsplit

MAX_LENGTH = 2048


def check_url(url: str) -> None:
    """Check that a URL is one that webhooks can be sent to.

    Raises:
        ValueError: It is not. The message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or "@" in parts.netloc or not url.isascii() or not url.isprintable():
        raise ValueError("must be https://HOST/PATH, or http://HOST/PATH, without a user")
    if len(url) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
