"""`tintype grants`: credits that accounts get once for good, by a reference."""

import argparse
from collections.abc import Sequence

from tintype_cli.arguments import micro_credits
from tintype_cli.help import LEDGER_CODES, CommandParser, command_parser
from tintype_cli.ledger_work import line_of_grant, run_subcommand
from tintype_gateway.ledger.interface import Author, Ledger


def main(argv: Sequence[str]) -> int:
    """Make or show a grant."""
    arguments = build_parser().parse_args(argv)
    return run_subcommand("tintype grants", {"put": _put, "show": _show}, arguments)


async def _put(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    grant, _ = await ledger.put_grant(
        arguments.reference,
        arguments.account,
        arguments.credits,
        arguments.reason,
        author=author,
    )
    print(line_of_grant(grant))


async def _show(ledger: Ledger, arguments: argparse.Namespace, author: Author) -> None:
    print(line_of_grant(await ledger.granted(arguments.reference)))


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype grants",
        "Grant credits once for good in the ledger that TINTYPE_DATABASE_URL names. A reference is "
        "never forgotten, so that the same command again pays nothing.",
        example="tintype grants put 2026-11 --account team-a --credits 50",
        exit_codes=LEDGER_CODES,
    )
    put = commands.add(
        "put",
        "give credits to an account, unless the reference has given them before",
        example="tintype grants put 2026-11 --account team-a --credits 50 --reason 'November'",
    )
    put.add_argument("--account", required=True, help="the account that gets them")
    put.add_argument(
        "--credits", type=micro_credits, required=True, help="the number of credits, such as 50"
    )
    put.add_argument(
        "--reason", default="granted by the command line", help="stored with the ledger entry"
    )
    show = commands.add(
        "show", "show what a reference has granted", example="tintype grants show 2026-11"
    )
    for command in (put, show):
        command.add_argument("reference", help="the reference of the grant")
    return parser
