"""What both engines refuse in the same words, and the constants that they share."""

from datetime import datetime

SYSTEM_PREFIX = "sys:"
"""Begins the names of the ledger's own accounts, which nobody can use."""

FUNDING = "sys:funding"
"""Where granted credits come from; its balance is what was granted, negated."""

REVENUE = "sys:revenue"
"""Where charged credits go; its balance is what was charged."""

MAXIMUM_AMOUNT = 10**15
"""The most micro-credits that one operation can move. Sums of it stay far from 64 bits."""

MAXIMUM_NAME_LENGTH = 255

IDEMPOTENCY_KEPT_SECONDS = 24 * 3600
"""How long a request keeps its idempotency key, from its hold on."""

RELEASED_KEPT_SECONDS = 3600
"""How long a hold that came to nothing is kept, to be looked at."""

RELEASED_BATCH = 1000
"""How many of these are removed at once, so that nothing else waits for long."""

MISMATCH = "the idempotency key was used for another request"

LIMIT = "its issuer has opened {} accounts, which are all that it may"

OPENING_REASON = "account created"
"""The reason of an account's first grant."""


def checked_amount(micro: int) -> int:
    """Return an amount of micro-credits that can be meant.

    Raises:
        ValueError: it is negative or absurdly large.
    """
    if not 0 <= micro <= MAXIMUM_AMOUNT:
        raise ValueError(f"must be 0 to {MAXIMUM_AMOUNT} micro-credits, not {micro}")
    return micro


def checked_adjustment(micro: int) -> int:
    """Return a correction of a balance, in micro-credits, that can be meant.

    Raises:
        ValueError: it is nothing, or absurdly large.
    """
    if micro == 0:
        raise ValueError("an adjustment of 0 micro-credits changes nothing")
    checked_amount(abs(micro))
    return micro


def checked_images(images: int) -> int:
    """Return a number of images that can be meant.

    Raises:
        ValueError: it is negative.
    """
    if images < 0:
        raise ValueError(f"there are no {images} images")
    return images


def checked_name(name: str) -> str:
    """Return the name of an account that can be told and typed.

    Raises:
        ValueError: it is empty, too long, not printable, or of the ledger itself.
    """
    if not 1 <= len(name) <= MAXIMUM_NAME_LENGTH or not name.isprintable() or name != name.strip():
        raise ValueError(
            f"an account's name has 1 to {MAXIMUM_NAME_LENGTH} printable characters, not {name!r}"
        )
    if name.startswith(SYSTEM_PREFIX):
        raise ValueError(f"names that begin with {SYSTEM_PREFIX} belong to the ledger")
    return name


def checked_end(expires_at: datetime | None) -> datetime | None:
    """Return the end date of a key that means one moment.

    Raises:
        ValueError: it has no time zone.
    """
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("the end date of a key needs a time zone")
    return expires_at


def checked_grace(seconds: float) -> float:
    """Return how long a rotated key lives on.

    Raises:
        ValueError: it is negative.
    """
    if seconds < 0:
        raise ValueError(f"a key cannot be kept for {seconds} seconds")
    return seconds
