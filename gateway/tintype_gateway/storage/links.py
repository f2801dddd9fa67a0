"""Signed links: each allows its holder to fetch one file until it expires."""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from urllib.parse import urlencode

from tintype_gateway.errors import ForbiddenError

KEY_BYTES = 32


class Links:
    """Makes and checks the query of signed links."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def query(self, name: str, lifetime_seconds: int) -> str:
        """Return the query that opens a file for so long."""
        expires = str(int(time.time()) + lifetime_seconds)
        return urlencode({"expires": expires, "signature": self._signature(name, expires)})

    def check(self, name: str, expires: str, signature: str) -> int:
        """Return for how many more seconds a link opens a file.

        Raises:
            ForbiddenError: It does not, or not any more.
        """
        given = f"{expires}\n{signature}"
        expected = f"{expires}\n{self._signature(name, expires)}" if given.isascii() else ""
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise ForbiddenError("the link's signature is wrong", code="invalid_signature")
        seconds = int(expires) - int(time.time())
        if seconds <= 0:
            raise ForbiddenError("the link has expired", code="link_expired")
        return seconds

    def _signature(self, name: str, expires: str) -> str:
        return hmac.new(self._key, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


def read_or_make_key(path: Path) -> bytes:
    """Return the key in a file, which is made, for our eyes only, where there is none.

    Of several processes that start together one makes it, and all use that one.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: It holds something else.
    """
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} must hold {KEY_BYTES} random bytes")
    return key


def _make_key(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster
    finally:
        draft.unlink()
