"""Validation, messages and constants that both engines share."""

import hashlib
import re
from datetime import datetime

SYSTEM_PREFIX = "sys:"
"""The prefix of the names of the ledger's own accounts, which clients cannot use."""

FUNDING = "sys:funding"
"""The source of granted credits; its balance is the negative sum of all grants."""

REVENUE = "sys:revenue"
"""The destination of charged credits; its balance is the sum of all charges."""

MAXIMUM_AMOUNT = 10**15
"""The most micro-credits of one operation. Sums of it stay far below 64 bits."""

MAXIMUM_NAME_LENGTH = 255

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

IDEMPOTENCY_KEPT_SECONDS = 24 * 3600
"""How long a request keeps its idempotency key, from the time of its hold."""

RELEASED_KEPT_SECONDS = 3600
"""How long a released hold is kept for inspection."""

RELEASED_BATCH = 1000
"""How many of them are deleted at once, so that other operations do not wait long."""

MISMATCH = "the idempotency key was used for another request"

LIMIT = "its issuer has opened {} accounts, which are all that it may"

OWNED = "account {!r} is described by {}, which has to release it first"

SUSPENDED = "account {!r} is suspended"

REFERENCE_TAKEN = "the reference {!r} granted {} micro-credits to account {!r} before"

NO_WEBHOOK_SECRET = "account {!r} has no webhook secret {!r}"  # noqa: S105 - a message

WEBHOOK_SECRETS_LIMIT = "account {!r} has {} valid webhook secrets, which are all that it may"

KEY_TAKEN = "there is another API key {!r}, or one with this secret"

MAXIMUM_REFERENCE_LENGTH = 512

OPENING_REASON = "account created"
"""The recorded reason of an account's initial grant."""


def checked_amount(micro: int) -> int:
    """Return a valid amount of micro-credits.

    Raises:
        ValueError: the amount is negative or exceeds `MAXIMUM_AMOUNT`.
    """
    if not 0 <= micro <= MAXIMUM_AMOUNT:
        raise ValueError(f"must be 0 to {MAXIMUM_AMOUNT} micro-credits, not {micro}")
    return micro


def checked_adjustment(micro: int) -> int:
    """Return a valid correction of a balance, in micro-credits.

    Raises:
        ValueError: the correction is 0, or exceeds `MAXIMUM_AMOUNT`.
    """
    if micro == 0:
        raise ValueError("an adjustment of 0 micro-credits changes nothing")
    checked_amount(abs(micro))
    return micro


def checked_images(images: int) -> int:
    """Return a valid number of images.

    Raises:
        ValueError: the number is negative.
    """
    if images < 0:
        raise ValueError(f"the number of images must be 0 or more, not {images}")
    return images


def checked_name(name: str) -> str:
    """Return a valid name of an account.

    Raises:
        ValueError: the name is empty, too long, not printable, or reserved for the ledger.
    """
    if not 1 <= len(name) <= MAXIMUM_NAME_LENGTH or not name.isprintable() or name != name.strip():
        raise ValueError(
            f"an account's name has 1 to {MAXIMUM_NAME_LENGTH} printable characters, not {name!r}"
        )
    if name.startswith(SYSTEM_PREFIX):
        raise ValueError(f"names that begin with {SYSTEM_PREFIX} belong to the ledger")
    return name


def checked_reference(reference: str) -> str:
    """Return a valid reference of a grant.

    Raises:
        ValueError: the reference is empty, too long or not printable.
    """
    return _checked_text("a reference", reference, MAXIMUM_REFERENCE_LENGTH)


def checked_key_id(key_id: str) -> str:
    """Return a valid id of a key.

    Raises:
        ValueError: the id has other characters than letters, digits, `-`, `_` and `.`.
    """
    if _KEY_ID.fullmatch(key_id) is None:
        raise ValueError("the id of a key has 1 to 128 letters, digits, `-`, `_` and `.`")
    return key_id


def checked_owner(owner: str | None) -> str | None:
    """Return a valid name of an owner.

    Raises:
        ValueError: the name is empty, too long or not printable.
    """
    return None if owner is None else _checked_text("an owner", owner, MAXIMUM_REFERENCE_LENGTH)


def checked_key_name(name: str | None) -> str | None:
    """Return a valid name of a key.

    Raises:
        ValueError: the name is empty, too long or not printable.
    """
    return None if name is None else _checked_text("a key's name", name, MAXIMUM_NAME_LENGTH)


def checked_sha256(sha256: bytes) -> bytes:
    """Return a valid digest of a secret.

    Raises:
        ValueError: it does not have 32 bytes.
    """
    if len(sha256) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 has 32 bytes")
    return sha256


def _checked_text(what: str, text: str, maximum: int) -> str:
    if not 1 <= len(text) <= maximum or not text.isprintable():
        raise ValueError(f"{what} has 1 to {maximum} printable characters, not {text!r}")
    return text


def checked_end(expires_at: datetime | None) -> datetime | None:
    """Return a valid expiry of a key.

    Raises:
        ValueError: the time has no time zone.
    """
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("the end date of a key needs a time zone")
    return expires_at


def checked_grace(seconds: float) -> float:
    """Return a valid remaining lifetime of a rotated key, in seconds.

    Raises:
        ValueError: the time is negative.
    """
    if seconds < 0:
        raise ValueError(f"a key cannot be kept for {seconds} seconds")
    return seconds
