"""Shared by the commands that work on the ledger: opening it, and parsing and printing values."""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from tintype_cli.flags import read_settings
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Account, ApiKey, Ledger
from tintype_gateway.settings import GatewaySettings

_MICRO = 1_000_000

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def with_ledger(program: str, work: Callable[[Ledger], Awaitable[int | None]]) -> int:
    """Run `work` on the ledger that the environment names, and return the exit code."""

    async def run(url: str) -> int:
        ledger = open_ledger(url)
        try:
            return await work(ledger) or 0
        finally:
            await ledger.close()

    return with_ledger_url(program, run)


def with_ledger_url(program: str, work: Callable[[str], Awaitable[int]]) -> int:
    """Run `work` with the URL of the ledger, and return the exit code."""
    settings = read_settings(GatewaySettings, program, {}, [])

    async def run() -> int:
        return await work(settings.ledger_url)

    try:
        return asyncio.run(run())
    except (LedgerError, ValueError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1


def micro_credits(text: str) -> int:
    """Return decimal credits as micro-credits, for argparse."""
    micro = signed_micro_credits(text)
    if micro < 0:
        raise argparse.ArgumentTypeError("must be at least 0")
    return micro


def signed_micro_credits(text: str) -> int:
    """Return decimal credits, which may be below zero, as micro-credits, for argparse."""
    try:
        micro = Decimal(text) * _MICRO
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


def in_credits(micro: int) -> Decimal:
    """Return micro-credits as credits."""
    return Decimal(micro) / _MICRO


def line_of(account: Account) -> str:
    """Return one line that describes an account."""
    if account.unlimited:
        return f"{account.name}\tunlimited\t{in_credits(account.balance)} credits"
    held = f"{in_credits(account.held)} held"
    return f"{account.name}\t{in_credits(account.balance)} credits\t{held}"


def line_of_key(key: ApiKey) -> str:
    """Return one line that describes a key."""
    if key.revoked_at is not None:
        end = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
    elif key.expires_at is not None:
        end = f"expires {key.expires_at:%Y-%m-%d %H:%M} UTC"
    else:
        end = "does not expire"
    return f"{key.id}\tcreated {key.created_at:%Y-%m-%d %H:%M} UTC\t{end}"
