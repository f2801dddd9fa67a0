"""`tintype ledger`: audits, archives and migrates the database of the ledger."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tintype_cli.help import DONE, WRONG_SETTING, command_parser
from tintype_cli.ledger_work import duration, with_ledger, with_ledger_url
from tintype_gateway.ledger.archive.run import Report, archive
from tintype_gateway.ledger.archive.session import open_session
from tintype_gateway.ledger.archive.verification import verify
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.interface import Ledger

PROGRAM = "tintype ledger"

EXIT_CODES = {
    0: DONE,
    1: "the audit found a problem, the file cannot be written or differs from its run, or the "
    "ledger is unreachable or cannot be migrated; standard error names the cause",
    2: WRONG_SETTING,
}


def main(argv: Sequence[str]) -> int:
    """Audit, archive or migrate the ledger."""
    parser, commands = command_parser(
        PROGRAM,
        "Work with the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype ledger migrate\ntintype ledger audit",
        exit_codes=EXIT_CODES,
    )
    audit = commands.add(
        "audit",
        "check that all balances, holds and charges are consistent",
        example="tintype ledger audit",
    )
    audit.add_argument(
        "--verify",
        type=Path,
        metavar="FILE",
        help="check a file of `tintype ledger archive` against its run instead",
    )
    archiving = commands.add(
        "archive",
        "move old postings to a file; balances stay as they are",
        example="tintype ledger archive --before 90d --to /var/archive",
    )
    archiving.add_argument(
        "--before",
        type=_moment,
        required=True,
        metavar="DATE",
        help="move what was posted before this day (UTC, such as 2026-01-31), or this long ago "
        "(such as 90d); at least two days ago",
    )
    archiving.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="the new file (JSON Lines, gzip), or a folder to make it in",
    )
    commands.add(
        "migrate",
        "migrate the database to the schema of this version",
        example="tintype ledger migrate",
    )
    arguments = parser.parse_args(argv)
    match arguments.command:
        case "archive":
            return with_ledger_url(
                PROGRAM, lambda url: _archive(url, arguments.before, arguments.to)
            )
        case "audit" if arguments.verify is not None:
            return with_ledger_url(PROGRAM, lambda url: _verify(url, arguments.verify))
        case "audit":
            return with_ledger(PROGRAM, _audit)
    return with_ledger_url(PROGRAM, _migrate)


def _moment(text: str) -> datetime:
    """Return a day, or a time ago, as a moment, for argparse."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - duration(text)
    except (argparse.ArgumentTypeError, OverflowError) as error:
        raise argparse.ArgumentTypeError("must be a day such as 2026-01-31, or 90d") from error


async def _archive(url: str, before: datetime, target: Path) -> int:
    """Archive old postings; a run that an earlier command had begun is completed instead."""
    try:
        async with open_session(url) as session:
            report = await archive(session, before, target)
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    _print_report(report)
    return 0


def _print_report(report: Report) -> None:
    if report.is_resumed:
        print("Completed the run that an earlier command had begun; run this one again for more.")
    print(f"run\t{report.run_id}")
    print(f"before\t{report.before:%Y-%m-%d %H:%M} UTC")
    print(f"postings\t{report.postings}")
    print(f"file\t{report.file}")


async def _verify(url: str, path: Path) -> int:
    """Check a file against its run, and print each contradiction to standard error."""
    try:
        async with open_session(url) as session:
            problems = await verify(session, path)
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    for problem in problems:
        print(f"{PROGRAM}: {problem}", file=sys.stderr)
    print(f"problems\t{len(problems)}")
    return 1 if problems else 0


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
        "archive runs": audit.archive_runs,
        "unfinished archive runs": audit.unfinished_archive_runs,
        "archived postings": audit.archived_postings,
        "problems": len(audit.problems),
    }
    for name, figure in figures.items():
        print(f"{name}\t{figure}")
    for problem in audit.problems:
        print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return 1 if audit.problems else 0


async def _migrate(url: str) -> int:
    await migrate_ledger(url)
    print("The ledger has the schema of this version.")
    return 0
