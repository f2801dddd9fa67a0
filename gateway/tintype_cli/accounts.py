"""`tintype accounts`: who pays."""

import argparse
from collections.abc import Sequence

from tintype_cli.ledger import line_of, micro_credits, with_ledger
from tintype_gateway.ledger.interface import Ledger


def main(argv: Sequence[str]) -> int:
    """Create, list or grant."""
    parser = argparse.ArgumentParser(
        prog="tintype accounts",
        description="Work with the accounts in the ledger that TINTYPE_DATABASE_URL names.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="open an account")
    create.add_argument("name", help="the name of the account")
    create.add_argument("--credits", type=micro_credits, default=0, help="its first credits")
    create.add_argument("--unlimited", action="store_true", help="never refuse it for its balance")
    grant = commands.add_parser("grant", help="give credits to an account")
    grant.add_argument("name", help="the name of the account")
    grant.add_argument("--credits", type=micro_credits, required=True, help="how many")
    grant.add_argument(
        "--reason", default="granted by the command line", help="kept with the entry"
    )
    commands.add_parser("list", help="list all accounts")
    arguments = parser.parse_args(argv)

    async def work(ledger: Ledger) -> None:
        match arguments.command:
            case "create":
                account = await ledger.create_account(
                    arguments.name, credits_micro=arguments.credits, unlimited=arguments.unlimited
                )
                print(line_of(account))
            case "grant":
                account = await ledger.grant(
                    arguments.name, arguments.credits, reason=arguments.reason
                )
                print(line_of(account))
            case "list":
                for account in await ledger.accounts():
                    print(line_of(account))

    return with_ledger("tintype accounts", work)
