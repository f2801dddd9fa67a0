"""Rate limits: for each a bucket that holds a minute's worth and fills evenly.

A bucket is one number, `full_at`: the time when it will be full again, if nothing more is taken.
What is taken moves that time on by its share of a minute, and it can be taken if the bucket is
then full at most a minute from now. So an account that was silent may use a minute's worth at
once, after which it gets on at its rate; in any time `t` it takes at most `rate * (1 + t)`, with
`t` in minutes. This is the leaky bucket as a meter, in the form called GCRA.

A request for more than a minute's worth is let through by a full bucket, and the next one waits
the longer: else it could never be served.

Times are whole microseconds since 1970, so that both engines round alike.
"""

MINUTE = 60_000_000


def take(full_at: int, now: int, units: int, per_minute: int) -> int:
    """Return when a bucket will be full again after `units` were taken from it."""
    return max(full_at, now) + units * MINUTE // per_minute


def wait(full_at: int, now: int, units: int, per_minute: int) -> int:
    """Return the microseconds until a bucket has `units`, or all that it can hold; 0: it has."""
    return max(0, take(full_at, now, min(units, per_minute), per_minute) - now - MINUTE)
