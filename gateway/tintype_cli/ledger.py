"""What the commands about accounts and keys share."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation

from tintype_cli.flags import read_settings
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.interface import Account, Ledger
from tintype_gateway.ledger.opening import open_ledger
from tintype_gateway.settings import GatewaySettings

_MICRO = 1_000_000


def with_ledger(program: str, work: Callable[[Ledger], Awaitable[None]]) -> int:
    """Do some work on the ledger that the environment names, and return the exit code."""
    settings = read_settings(GatewaySettings, program, "", [])
    try:
        asyncio.run(_run(settings.ledger_url, work))
    except (LedgerError, ValueError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(url: str, work: Callable[[Ledger], Awaitable[None]]) -> None:
    ledger = open_ledger(url)
    try:
        await work(ledger)
    finally:
        await ledger.close()


def micro_credits(text: str) -> int:
    """Return decimal credits as micro-credits, for argparse."""
    try:
        micro = Decimal(text) * _MICRO
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError("must be a number of credits, such as 100") from error
    if not micro.is_finite() or micro < 0 or micro != micro.to_integral_value():
        raise argparse.ArgumentTypeError("must be at least 0, with six decimals at most")
    return int(micro)


def line_of(account: Account) -> str:
    """Return an account as one line for people."""
    if account.unlimited:
        return f"{account.name}\tunlimited\t{Decimal(account.balance) / _MICRO} credits"
    held = f"{Decimal(account.held) / _MICRO} held"
    return f"{account.name}\t{Decimal(account.balance) / _MICRO} credits\t{held}"
