"""`tintype accounts`: the accounts that pay for requests, their credits and their limits."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from tintype_cli.help import LEDGER_CODES, command_parser
from tintype_cli.ledger_work import (
    in_credits,
    line_of,
    line_of_key,
    micro_credits,
    signed_micro_credits,
    with_ledger,
)
from tintype_gateway.accounts import PROFILES, Profile
from tintype_gateway.ledger.interface import Ledger, Policy

ALL = "all"
"""The allow-list of an account that may use every model."""

UNLIMITED = "unlimited"
"""The rate limit of an account without one."""

DEFAULT = "default"
"""The value of an account that uses the gateway's response profile or limit of calls."""


def main(argv: Sequence[str]) -> int:
    """Create, fund, limit, list or show accounts."""
    arguments = _parser().parse_args(argv)
    work = {
        "create": _create,
        "grant": _grant,
        "adjust": _adjust,
        "set": _set,
        "show": _show,
        "list": _list,
    }[arguments.command]
    return with_ledger("tintype accounts", lambda ledger: work(ledger, arguments))


async def _create(ledger: Ledger, arguments: argparse.Namespace) -> None:
    account = await ledger.create_account(
        arguments.name,
        credits_micro=arguments.credits,
        unlimited=arguments.unlimited,
        policy=Policy(**_limits(arguments)),
    )
    print(line_of(account))


async def _grant(ledger: Ledger, arguments: argparse.Namespace) -> None:
    account = await ledger.grant(arguments.name, arguments.credits, reason=arguments.reason)
    print(line_of(account))


async def _adjust(ledger: Ledger, arguments: argparse.Namespace) -> None:
    account = await ledger.adjust(arguments.name, arguments.credits, reason=arguments.reason)
    print(line_of(account))


async def _set(ledger: Ledger, arguments: argparse.Namespace) -> None:
    policy = (await ledger.account(arguments.name)).policy
    await ledger.set_policy(arguments.name, replace(policy, **_limits(arguments)))
    await _show(ledger, arguments)


async def _show(ledger: Ledger, arguments: argparse.Namespace) -> None:
    account = await ledger.account(arguments.name)
    policy = account.policy
    print(line_of(account))
    print("models", *sorted([ALL] if policy.models is None else policy.models), sep="\t")
    print("requests a minute", policy.requests_per_minute or UNLIMITED, sep="\t")
    print("images a minute", policy.images_per_minute or UNLIMITED, sep="\t")
    print("response profile", policy.response_profile or DEFAULT, sep="\t")
    own = "" if policy.calls_per_minute else f" ({DEFAULT})"
    print("calls a minute", f"{policy.most_calls_per_minute}{own}", sep="\t")
    for key in await ledger.list_keys(account.name):
        print(line_of_key(key))
    month = datetime.now(UTC).date().replace(day=1)
    for use in await ledger.usage(month, account=account.name):
        figures = f"{use.requests} requests\t{use.images} images"
        print(f"since {month}\t{use.model}\t{figures}\t{in_credits(use.charged)} credits")


async def _list(ledger: Ledger, arguments: argparse.Namespace) -> None:
    for account in await ledger.accounts():
        print(line_of(account))


def _parser() -> argparse.ArgumentParser:
    parser, commands = command_parser(
        "tintype accounts",
        "Work with the accounts in the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype accounts create team-a --credits 100\ntintype accounts list",
        exit_codes=LEDGER_CODES,
    )
    create = commands.add(
        "create", "open an account", example="tintype accounts create team-a --credits 100"
    )
    create.add_argument("--credits", type=micro_credits, default=0, help="the initial credits")
    create.add_argument(
        "--unlimited", action="store_true", help="never refuse a request for the balance"
    )
    grant = commands.add(
        "grant",
        "give credits to an account",
        example="tintype accounts grant team-a --credits 50 --reason 'invoice 17'",
    )
    grant.add_argument(
        "--credits", type=micro_credits, required=True, help="the number of credits, such as 50"
    )
    grant.add_argument(
        "--reason", default="granted by the command line", help="stored with the ledger entry"
    )
    adjust = commands.add(
        "adjust",
        "correct a balance, up or down",
        example="tintype accounts adjust team-a --credits -2.5 --reason 'granted twice'",
    )
    adjust.add_argument(
        "--credits", type=signed_micro_credits, required=True, help="the difference, such as -2.5"
    )
    adjust.add_argument("--reason", required=True, help="stored with the ledger entry")
    limit = commands.add(
        "set",
        "change the limits of an account; limits without a flag do not change",
        example="tintype accounts set team-a --models gpt-image-1 --images-per-minute 60",
    )
    show = commands.add(
        "show",
        "show an account, its keys and its usage in this month",
        example="tintype accounts show team-a",
    )
    commands.add("list", "list all accounts", example="tintype accounts list")
    for command in (create, grant, adjust, limit, show):
        command.add_argument("name", help="the name of the account")
    for command in (create, limit):
        _add_limits(command)
    return parser


def _add_limits(command: argparse.ArgumentParser) -> None:
    """Add a flag for each field of a policy; a flag that is not given is absent in the result."""
    command.add_argument(
        "--models",
        type=_models,
        default=argparse.SUPPRESS,
        metavar="ID,ID",
        help=f"the models that the account may use, or `{ALL}`",
    )
    for what in ("requests", "images"):
        command.add_argument(
            f"--{what}-per-minute",
            type=_rate,
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"the limit of {what} per minute, or `{UNLIMITED}`",
        )
    command.add_argument(
        "--response-profile",
        type=_profile,
        default=argparse.SUPPRESS,
        metavar="PROFILE",
        help=f"the response profile: {', '.join(PROFILES)}, or `{DEFAULT}`, the gateway's",
    )
    command.add_argument(
        "--calls-per-minute",
        type=_rate_of_calls,
        default=argparse.SUPPRESS,
        metavar="N",
        help="the limit of calls of any kind per minute and gateway, or"
        f" `{DEFAULT}`: ten times the requests per minute, or 600",
    )


def _limits(arguments: argparse.Namespace) -> dict[str, Any]:
    given = vars(arguments)
    return {field.name: given[field.name] for field in fields(Policy) if field.name in given}


def _models(text: str) -> frozenset[str] | None:
    if text == ALL:
        return None
    return frozenset(filter(None, map(str.strip, text.split(","))))


def _profile(text: str) -> Profile | None:
    if text == DEFAULT:
        return None
    for profile in PROFILES:
        if text == profile:
            return profile
    raise argparse.ArgumentTypeError(f"must be {', '.join(PROFILES)} or `{DEFAULT}`")


def _rate(text: str, none: str = UNLIMITED) -> int | None:
    if text == none:
        return None
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number or `{none}`")
    return int(text)


def _rate_of_calls(text: str) -> int | None:
    return _rate(text, DEFAULT)
