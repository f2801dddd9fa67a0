"""`tintype accounts`: the accounts that pay for requests, their credits and their limits."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from tintype_cli import budgets, limits, webhook_secrets
from tintype_cli.arguments import micro_credits, signed_micro_credits
from tintype_cli.help import LEDGER_CODES, CommandParser, Commands, command_parser
from tintype_cli.ledger_work import in_credits, line_of, line_of_key, run_subcommand
from tintype_cli.limits import ALL, DEFAULT, UNLIMITED
from tintype_gateway.accounts import AccountSpec, DeletionPolicy
from tintype_gateway.ledger.interface import Author, Ledger, Policy


def main(argv: Sequence[str]) -> int:
    """Create, put, fund, limit, suspend, release, list or show accounts, or work with secrets."""
    if argv and argv[0] == "webhook-secrets":
        return webhook_secrets.main(argv[1:])
    arguments = build_parser().parse_args(argv)
    works = {
        "create": _create,
        "grant": _grant,
        "adjust": _adjust,
        "set": _set,
        "put": _put,
        "suspend": _suspend,
        "resume": _resume,
        "release": _release,
        "show": _show,
        "list": _list,
    }
    return run_subcommand("tintype accounts", works, arguments)


async def _create(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    account = await ledger.create_account(
        arguments.name,
        credits_micro=arguments.credits,
        unlimited=arguments.unlimited,
        policy=Policy(**limits.chosen(arguments)),
        author=author,
    )
    print(line_of(account))


async def _grant(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    account = await ledger.grant(
        arguments.name, arguments.credits, reason=arguments.reason, author=author
    )
    print(line_of(account))


async def _adjust(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    account = await ledger.adjust(
        arguments.name, arguments.credits, reason=arguments.reason, author=author
    )
    print(line_of(account))


async def _set(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    account = await ledger.account(arguments.name)
    policy = replace(account.policy, **limits.chosen(arguments))
    await budgets.set_budgets(ledger, account, arguments, author)
    await ledger.set_policy(account.name, policy, author=author)
    await _show(ledger, arguments, author)


async def _put(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    time_zone, chosen_budgets = budgets.chosen(arguments)
    spec = AccountSpec(
        display_name=arguments.display_name,
        suspended=arguments.suspended,
        unlimited=arguments.unlimited,
        policy=Policy(**limits.chosen(arguments)),
        deletion_policy=arguments.deletion_policy,
        time_zone=time_zone,
        budgets=chosen_budgets,
    )
    await ledger.put_account(arguments.name, spec, owner=arguments.owner, author=author)
    await _show(ledger, arguments, author)


async def _suspend(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    await _set_suspended(ledger, arguments.name, True, author)


async def _resume(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    await _set_suspended(ledger, arguments.name, False, author)


async def _set_suspended(ledger: Ledger, name: str, suspended: bool, author: Author) -> None:
    account = await ledger.account(name)
    spec = replace(account.spec, suspended=suspended)
    account, _ = await ledger.put_account(name, spec, owner=account.owner, author=author)
    print(line_of(account))
    if account.owner is not None:
        print(f"{account.owner} owns it, and may undo this", file=sys.stderr)


async def _release(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    print(line_of(await ledger.release_account(arguments.name, arguments.owner, author=author)))


async def _show(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    account = await ledger.account(arguments.name)
    policy = account.policy
    print(line_of(account))
    if account.display_name:
        print("display name", account.display_name, sep="\t")
    if account.owner is not None:
        print("owner", account.owner, sep="\t")
        print("when released", account.deletion_policy, sep="\t")
    print("models", *sorted([ALL] if policy.models is None else policy.models), sep="\t")
    print("requests a minute", policy.requests_per_minute or UNLIMITED, sep="\t")
    print("images a minute", policy.images_per_minute or UNLIMITED, sep="\t")
    print("response profile", policy.response_profile or DEFAULT, sep="\t")
    own = "" if policy.calls_per_minute else f" ({DEFAULT})"
    print("calls a minute", f"{policy.most_calls_per_minute}{own}", sep="\t")
    print("queued jobs", policy.queued_jobs or DEFAULT, sep="\t")
    print("running jobs", policy.running_jobs or DEFAULT, sep="\t")
    print("webhooks", "allowed" if policy.webhooks else "not allowed", sep="\t")
    print("guardrail", "exempt" if policy.guardrail_exempt else "checked", sep="\t")
    for line in budgets.lines_of(account):
        print(line)
    for key in await ledger.list_keys(account.name):
        print(line_of_key(key))
    month = datetime.now(UTC).date().replace(day=1)
    for use in await ledger.usage(month, account=account.name):
        figures = f"{use.requests} requests\t{use.images} images"
        print(f"since {month}\t{use.model}\t{figures}\t{in_credits(use.charged)} credits")


async def _list(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    for account in await ledger.accounts(owner=arguments.owner):
        print(line_of(account))


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype accounts",
        "Work with the accounts in the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype accounts create team-a --credits 100\ntintype accounts list",
        exit_codes=LEDGER_CODES,
    )
    _add_credits(commands)
    _add_limits(commands)
    _add_states(commands)
    _named(
        commands,
        "show",
        "show an account, its budgets, its keys and its usage in this month",
        example="tintype accounts show team-a",
    )
    listing = commands.add("list", "list accounts", example="tintype accounts list")
    listing.add_argument("--owner", metavar="TEXT", help="only those whose owner begins so")
    commands.attach(
        "webhook-secrets",
        "make, list, end and delete the secrets that sign the webhooks of an account's jobs",
        webhook_secrets.build_parser(),
    )
    return parser


def _named(commands: Commands, name: str, summary: str, *, example: str) -> CommandParser:
    """Add a subcommand that works on one account."""
    command = commands.add(name, summary, example=example)
    command.add_argument("name", help="the name of the account")
    return command


def _add_credits(commands: Commands) -> None:
    create = _named(
        commands,
        "create",
        "open an account",
        example="tintype accounts create team-a --credits 100",
    )
    create.add_argument("--credits", type=micro_credits, default=0, help="the initial credits")
    _add_unlimited(create)
    limits.add_flags(create)
    grant = _named(
        commands,
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
    adjust = _named(
        commands,
        "adjust",
        "correct a balance, up or down",
        example="tintype accounts adjust team-a --credits -2.5 --reason 'granted twice'",
    )
    adjust.add_argument(
        "--credits", type=signed_micro_credits, required=True, help="the difference, such as -2.5"
    )
    adjust.add_argument("--reason", required=True, help="stored with the ledger entry")


def _add_limits(commands: Commands) -> None:
    change = _named(
        commands,
        "set",
        "change limits and budgets of an account; those without a flag do not change",
        example="tintype accounts set team-a --models gpt-image-1 --images-per-minute 60",
    )
    put = _named(
        commands,
        "put",
        "create an account, or replace all that is decided of it: what has no flag is its default",
        example="tintype accounts put team-a --display-name 'Team A' --images-per-minute 60",
    )
    put.add_argument("--display-name", default="", metavar="TEXT", help="a name for people")
    put.add_argument("--suspended", action="store_true", help="refuse its requests")
    _add_unlimited(put)
    put.add_argument("--owner", metavar="TEXT", help="what the account belongs to, by default none")
    put.add_argument(
        "--deletion-policy",
        choices=get_args(DeletionPolicy),
        default="retain",
        help="what becomes of it when its owner gives it up",
    )
    for command in (change, put):
        limits.add_flags(command)
        budgets.add_flags(command)


def _add_states(commands: Commands) -> None:
    _named(
        commands,
        "suspend",
        "refuse the requests of an account within a second",
        example="tintype accounts suspend team-a",
    )
    _named(
        commands,
        "resume",
        "accept the requests of a suspended account",
        example="tintype accounts resume team-a",
    )
    release = _named(
        commands,
        "release",
        "let the owner of an account give it up",
        example="tintype accounts release team-a --owner images/tintype:team-a/team-a",
    )
    release.add_argument("--owner", required=True, metavar="TEXT", help="its owner")


def _add_unlimited(command: CommandParser) -> None:
    command.add_argument(
        "--unlimited", action="store_true", help="never refuse a request for the balance"
    )
