"""Encrypts what jobs keep of their requests: AES-256-GCM under the keys of the release.

A sealed text names its key, and is bound to what it is about, such as the payload of one job: it
cannot be opened as anything else. Each subject has a key of its own, which is derived from that of
the release, so that the random nonces of GCM need no count (NIST SP 800-38D, 8.3, allows 2^32 of
them for one key).
"""

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tintype_gateway.runtime.key_files import make_key_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 4
"""The length of the name of a key: the beginning of its digest."""

_VERSION = b"\x01"
_HEAD_BYTES = len(_VERSION) + NAME_BYTES + NONCE_BYTES


class SealError(Exception):
    """A sealed text cannot be opened. The message contains nothing of it."""


class KeyMissingError(SealError):
    """It was sealed with a key that is not among these; another gateway may have it."""


class Sealing:
    """Seals with the first of its keys, and opens with all of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_name(key): key for key in keys}
        self._first = _name(keys[0])

    def seal(self, plain: bytes, about: str) -> bytes:
        """Return a text encrypted, as one about this subject."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        head = _VERSION + self._first + nonce
        return head + _cipher(self._keys[self._first], about).encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return the text that was sealed about this subject. No copy of it is made besides.

        Raises:
            KeyMissingError: Its key is not among these.
            SealError: It was changed, or is about something else.
        """
        from cryptography.exceptions import InvalidTag

        if not sealed.startswith(_VERSION) or len(sealed) < _HEAD_BYTES:
            raise SealError("it is not sealed by this version")
        name, nonce = sealed[len(_VERSION) :][:NAME_BYTES], sealed[:_HEAD_BYTES][-NONCE_BYTES:]
        key = self._keys.get(name)
        if key is None:
            raise KeyMissingError("its key is not among those of this gateway")
        try:
            return _cipher(key, about).decrypt(
                nonce, memoryview(sealed)[_HEAD_BYTES:], about.encode()
            )
        except InvalidTag as error:
            raise SealError("it was changed, or is about something else") from error


def open_sealing(key_file: Path, *, make: bool = False) -> Sealing:
    """Return the sealing with the keys of a file.

    With `make`, a file that is not there is made, readable only by its owner.

    Raises:
        OSError: The file cannot be read or made.
        ValueError: It has no key, or a line that is none. No line is repeated.
    """
    if make and not key_file.exists():
        make_key_file(key_file, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        log.info("a key of jobs was made", extra={"file": str(key_file)})
    return Sealing(read_keys(key_file))


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in a file with the base64 of one in each line, the newest first.

    Raises:
        OSError: It cannot be read.
        ValueError: It has no key, or a line that is none. No line is repeated.
    """
    lines = [line.strip() for line in path.read_text().splitlines()]
    keys = tuple(_parsed(line, path) for line in lines if line)
    if not keys:
        raise ValueError(f"{path} has no key")
    return keys


def _parsed(line: str, path: Path) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path}: each line must be the base64 of {KEY_BYTES} random bytes")
    return key


def _cipher(key: bytes, about: str) -> "AESGCM":
    # it takes megabytes, which only a gateway with jobs needs
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hmac.digest(key, b"tintype jobs\0" + about.encode(), "sha256"))


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"tintype jobs key\0" + key).digest()[:NAME_BYTES]
