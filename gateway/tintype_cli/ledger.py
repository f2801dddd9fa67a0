"""`tintype ledger`: audits and migrates the database of the ledger."""

import sys
from collections.abc import Sequence

from tintype_cli.help import DONE, WRONG_SETTING, command_parser
from tintype_cli.ledger_work import with_ledger, with_ledger_url
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.interface import Ledger

EXIT_CODES = {
    0: DONE,
    1: "the audit found a problem, or the ledger is unreachable or cannot be migrated; standard "
    "error names the cause",
    2: WRONG_SETTING,
}


def main(argv: Sequence[str]) -> int:
    """Audit or migrate the ledger."""
    parser, commands = command_parser(
        "tintype ledger",
        "Work with the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype ledger migrate\ntintype ledger audit",
        exit_codes=EXIT_CODES,
    )
    commands.add(
        "audit",
        "check that all balances, holds and charges are consistent",
        example="tintype ledger audit",
    )
    commands.add(
        "migrate",
        "migrate the database to the schema of this version",
        example="tintype ledger migrate",
    )
    if parser.parse_args(argv).command == "audit":
        return with_ledger("tintype ledger", _audit)
    return with_ledger_url("tintype ledger", _migrate)


async def _audit(ledger: Ledger) -> int:
    """Print the figures, and each problem to standard error; return 1 if there are problems."""
    audit = await ledger.audit()
    figures = {
        "accounts": audit.accounts,
        "entries": audit.entries,
        "open holds": audit.open_holds,
        "expired holds": audit.expired_holds,
        "unknown outcomes": audit.unknown_outcomes,
        "late charges": audit.late_charges,
        "undelivered charges": audit.undelivered_charges,
        "problems": len(audit.problems),
    }
    for name, figure in figures.items():
        print(f"{name}\t{figure}")
    for problem in audit.problems:
        print(f"tintype ledger: {problem}", file=sys.stderr)
    return 1 if audit.problems else 0


async def _migrate(url: str) -> int:
    await migrate_ledger(url)
    print("The ledger has the schema of this version.")
    return 0
