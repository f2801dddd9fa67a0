"""`tintype keys`: the API keys of accounts."""

import argparse
from collections.abc import Sequence
from datetime import timedelta

from tintype_cli.help import LEDGER_CODES, command_parser
from tintype_cli.ledger_work import duration, end_of, line_of_key, with_ledger
from tintype_gateway.ledger.interface import Ledger


def main(argv: Sequence[str]) -> int:
    """Create, list, rotate or revoke API keys."""
    arguments = _parser().parse_args(argv)

    async def work(ledger: Ledger) -> None:
        match arguments.command:
            case "create":
                key, secret = await ledger.create_key(
                    arguments.account, expires_at=end_of(arguments.expires_in)
                )
                print(f"{key.id}\t{secret}")
            case "list":
                for key in await ledger.list_keys(arguments.account):
                    print(line_of_key(key))
            case "rotate":
                key, secret = await ledger.rotate_key(
                    arguments.id,
                    keep_old_for_seconds=arguments.keep_old_for.total_seconds(),
                    expires_at=end_of(arguments.expires_in),
                )
                print(f"{key.id}\t{secret}")
            case "revoke":
                await ledger.revoke_key(arguments.id)

    return with_ledger("tintype keys", work)


def _parser() -> argparse.ArgumentParser:
    parser, commands = command_parser(
        "tintype keys",
        "Work with the API keys in the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype keys create --account team-a\ntintype keys list --account team-a",
        exit_codes=LEDGER_CODES,
    )
    create = commands.add(
        "create",
        "create a key; it is shown only once",
        example="tintype keys create --account team-a --expires-in 90d",
    )
    listing = commands.add(
        "list", "list the keys of an account", example="tintype keys list --account team-a"
    )
    for command in (create, listing):
        command.add_argument("--account", required=True, help="the account that pays")
    rotate = commands.add(
        "rotate",
        "replace a key; the new one is shown only once",
        example="tintype keys rotate KEY_ID --keep-old-for 24h",
    )
    rotate.add_argument(
        "--keep-old-for",
        type=duration,
        default=timedelta(),
        metavar="TIME",
        help="how long the old key stays valid, such as 24h; by default it is revoked now",
    )
    revoke = commands.add("revoke", "revoke a key now", example="tintype keys revoke KEY_ID")
    for command in (rotate, revoke):
        command.add_argument("id", help="the id of the key")
    for command in (create, rotate):
        command.add_argument(
            "--expires-in",
            type=duration,
            metavar="TIME",
            help="how long the key is valid, such as 90d",
        )
    return parser
