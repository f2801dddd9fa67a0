"""`tintype keys`: what accounts prove themselves with."""

import argparse
from collections.abc import Sequence

from tintype_cli.ledger import with_ledger
from tintype_gateway.ledger.interface import Ledger


def main(argv: Sequence[str]) -> int:
    """Create or revoke."""
    parser = argparse.ArgumentParser(
        prog="tintype keys",
        description="Work with the API keys in the ledger that TINTYPE_DATABASE_URL names.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key; it is shown this once")
    create.add_argument("--account", required=True, help="the account that pays")
    revoke = commands.add_parser("revoke", help="end a key now")
    revoke.add_argument("id", help="the id of the key")
    arguments = parser.parse_args(argv)

    async def work(ledger: Ledger) -> None:
        if arguments.command == "create":
            key, secret = await ledger.create_key(arguments.account)
            print(f"{key.id}\t{secret}")
        else:
            await ledger.revoke_key(arguments.id)

    return with_ledger("tintype keys", work)
