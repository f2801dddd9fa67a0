"""When a message that was not accepted is sent again: over 24 hours, less and less often."""

DELAYS_SECONDS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000)
"""The pauses after each failed attempt: the last attempt comes 23 hours 42 minutes after the
first."""

MAX_RETRY_AFTER_SECONDS = 3600
"""The longest pause that a receiver can ask for."""

JITTER = 0.1
"""The share by which a pause is longer at random, so that receivers that come back are not hit by
all messages at once."""


def retry_seconds(attempts: int, draw: float, retry_after: float = 0) -> float | None:
    """Return the pause before the next attempt; None if there is none.

    Args:
        attempts: How many have failed, including the last one.
        draw: A random number from 0 to 1.
        retry_after: What the receiver asks for, in seconds.
    """
    if attempts > len(DELAYS_SECONDS):
        return None
    pause = DELAYS_SECONDS[attempts - 1] * (1 + JITTER * draw)
    return max(pause, min(retry_after, MAX_RETRY_AFTER_SECONDS))
