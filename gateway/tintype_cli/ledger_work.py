"""Shared by the commands that work on the ledger: opening it, and parsing and printing values."""

import argparse
import asyncio
import getpass
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from tintype_cli.flags import read_settings
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Account, ApiKey, Author, Grant, Ledger
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


def command_author(command: str) -> Author:
    """Return the author of what a command changes: the user of the system who runs it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = f"uid {os.getuid()}"
    return Author("command", user, {"command": command, "host": socket.gethostname()})


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
    state = "\tsuspended" if account.suspended else ""
    if account.unlimited:
        return f"{account.name}\tunlimited\t{in_credits(account.balance)} credits{state}"
    held = f"{in_credits(account.held)} held"
    return f"{account.name}\t{in_credits(account.balance)} credits\t{held}{state}"


def line_of_key(key: ApiKey) -> str:
    """Return one line that describes a key."""
    if key.revoked_at is not None:
        end = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
    elif key.expires_at is not None:
        end = f"expires {key.expires_at:%Y-%m-%d %H:%M} UTC"
    else:
        end = "does not expire"
    return f"{key.id}\tcreated {key.created_at:%Y-%m-%d %H:%M} UTC\t{end}"


def line_of_grant(grant: Grant) -> str:
    """Return one line that describes a grant with a reference."""
    made = f"granted {grant.created_at:%Y-%m-%d %H:%M} UTC"
    credits = f"{in_credits(grant.micro)} credits"
    return f"{grant.reference}\t{grant.account}\t{credits}\t{made}\tposting {grant.posting}"


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
