"""Shared by the commands that work on the ledger: opening it, and printing what is in it."""

import argparse
import asyncio
import getpass
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal

from tintype_cli.arguments import MICRO
from tintype_cli.flags import read_settings
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.interface import Account, ApiKey, Author, Grant, Ledger
from tintype_gateway.settings import GatewaySettings

LedgerWork = Callable[[Ledger, argparse.Namespace, Author], Awaitable[None]]
"""The work of a subcommand, with its arguments and the author of what it changes."""


def with_ledger(program: str, work: Callable[[Ledger], Awaitable[int | None]]) -> int:
    """Run `work` on the ledger that the environment names, and return the exit code."""

    async def run(url: str) -> int:
        ledger = open_ledger(url)
        try:
            return await work(ledger) or 0
        finally:
            await ledger.close()

    return with_ledger_url(program, run)


def run_subcommand(
    program: str, works: Mapping[str, LedgerWork], arguments: argparse.Namespace
) -> int:
    """Run the work of the selected subcommand on the ledger, and return the exit code."""
    work, author = works[arguments.command], _author(f"{program} {arguments.command}")
    return with_ledger(program, lambda ledger: work(ledger, arguments, author))


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


def _author(command: str) -> Author:
    """Return the author of what a command changes: the user of the system who runs it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = f"uid {os.getuid()}"
    return Author("command", user, {"command": command, "host": socket.gethostname()})


def in_credits(micro: int) -> Decimal:
    """Return micro-credits as credits."""
    return Decimal(micro) / MICRO


def time_of(at: datetime) -> str:
    """Return a time as the commands print it, in minutes."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


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
        end = f"revoked {time_of(key.revoked_at)}"
    elif key.expires_at is not None:
        end = f"expires {time_of(key.expires_at)}"
    else:
        end = "does not expire"
    return f"{key.id}\tcreated {time_of(key.created_at)}\t{end}"


def line_of_grant(grant: Grant) -> str:
    """Return one line that describes a grant with a reference."""
    made = f"granted {time_of(grant.created_at)}"
    credits = f"{in_credits(grant.micro)} credits"
    return f"{grant.reference}\t{grant.account}\t{credits}\t{made}\tposting {grant.posting}"
