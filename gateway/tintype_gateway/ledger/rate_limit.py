"""Rate limits: for each limit a bucket with a capacity of one minute's units, which fills evenly.

A bucket is one number, `full_at`: the time when the bucket will be full again. Taking units delays
that time by their share of a minute, and is allowed if the bucket is then full within a minute. An
idle account may therefore use a minute's units at once, and then continues at its rate; in any time
`t` it takes at most `rate * (1 + t)`, with `t` in minutes. This is the leaky bucket as a meter, in
the form called GCRA.

A full bucket admits a request for more than its capacity, which could otherwise never be served;
the next request waits longer.

Times are integer microseconds since 1970, so that both engines round equally.
"""

MINUTE = 60_000_000


def take(full_at: int, now: int, units: int, per_minute: int) -> int:
    """Return when a bucket will be full again after taking `units` from it."""
    return max(full_at, now) + units * MINUTE // per_minute


def wait(full_at: int, now: int, units: int, per_minute: int) -> int:
    """Return the microseconds until a bucket has `units` or is full; 0 if it has them now."""
    return max(0, take(full_at, now, min(units, per_minute), per_minute) - now - MINUTE)
