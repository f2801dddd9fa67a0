"""Arguments that several commands take: credits, times and lifetimes, and the length of a list."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

MICRO = 1_000_000
"""The micro-credits of a credit."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def micro_credits(text: str) -> int:
    """Return decimal credits as micro-credits, for argparse."""
    micro = signed_micro_credits(text)
    if micro < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return micro


def signed_micro_credits(text: str) -> int:
    """Return decimal credits, which may be below zero, as micro-credits, for argparse."""
    try:
        micro = Decimal(text) * MICRO
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError("must be a number of credits, such as 100") from error
    if not micro.is_finite() or micro != micro.to_integral_value():
        raise argparse.ArgumentTypeError("must have six decimals at most")
    return int(micro)


def duration(text: str) -> timedelta:
    """Return a time such as `90d`, `12h`, `30m` or `45s`, for argparse."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError("must be a number and s, m, h or d, such as 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def end_of(lifetime: timedelta | None) -> datetime | None:
    """Return the end of a lifetime that starts now, None if it has no end."""
    return None if lifetime is None else datetime.now(UTC) + lifetime


def moment(text: str) -> datetime:
    """Return a day, or a time ago, as a moment, for argparse."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - duration(text)
    except (argparse.ArgumentTypeError, OverflowError) as error:
        raise argparse.ArgumentTypeError("must be a day such as 2026-01-31, or 90d") from error


def up_to(most: int) -> Callable[[str], int]:
    """Return a type for argparse: a number from 1 to `most`."""

    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a number from 1 to {most}")
        return int(text)

    return number


def add_lifetime(command: argparse.ArgumentParser, what: str) -> None:
    """Add `--expires-in`, the lifetime of what the command makes; `what` is its subject."""
    command.add_argument(
        "--expires-in",
        type=duration,
        metavar="TIME",
        help=f"how long {what} is valid, such as 90d",
    )


def add_new_end(command: argparse.ArgumentParser) -> None:
    """Add `--in` and `--never`, one of which says when something ends: `expires_in`, or None."""
    end = command.add_mutually_exclusive_group(required=True)
    end.add_argument(
        "--in", dest="expires_in", type=duration, metavar="TIME", help="end it then, such as 24h"
    )
    end.add_argument(
        "--never",
        dest="expires_in",
        action="store_const",
        const=None,
        help="let it not end by itself",
    )
