"""Signed URLs: each gives access to one file until it expires."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from tintype_gateway.errors import ForbiddenError
from tintype_gateway.runtime.key_files import make_key_file

KEY_BYTES = 32


class Links:
    """Creates and checks the query of signed URLs."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = key

    def query(self, name: str, lifetime_seconds: int) -> str:
        """Return the query that gives access to a file for `lifetime_seconds`."""
        expires = str(int(self._clock()) + lifetime_seconds)
        return urlencode({"expires": expires, "signature": self._signature(name, expires)})

    def check(self, name: str, expires: str, signature: str) -> int:
        """Return the seconds until the signed URL of a file expires.

        Raises:
            ForbiddenError: The signature is invalid or has expired.
        """
        given = f"{expires}\n{signature}"
        expected = f"{expires}\n{self._signature(name, expires)}" if given.isascii() else ""
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise ForbiddenError("the link's signature is wrong", code="invalid_signature")
        seconds = int(expires) - int(self._clock())
        if seconds <= 0:
            raise ForbiddenError("the link has expired", code="link_expired")
        return seconds

    def _signature(self, name: str, expires: str) -> str:
        return hmac.new(self._key, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def read_or_make_key(path: Path) -> bytes:
    """Return the signing key in a file; create the file, readable only by its owner, if needed.

    If several processes start together, one creates the key, and all use it.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: The file is not a key.
    """
    if not path.exists():
        make_key_file(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} must hold {KEY_BYTES} random bytes")
    return key
