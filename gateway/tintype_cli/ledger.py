"""`tintype ledger`: audits, archives, backs up and migrates the database of the ledger."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tintype_cli.arguments import moment
from tintype_cli.help import DONE, WRONG_SETTING, CommandParser, command_parser
from tintype_cli.ledger_work import time_of, with_ledger, with_ledger_url
from tintype_gateway.ledger.archive.run import Report, archive
from tintype_gateway.ledger.archive.session import open_session
from tintype_gateway.ledger.archive.verification import verify
from tintype_gateway.ledger.backup.run import backup, restore
from tintype_gateway.ledger.factory import migrate_ledger
from tintype_gateway.ledger.interface import Audit, Ledger

PROGRAM = "tintype ledger"

EXIT_CODES = {
    0: DONE,
    1: "the audit found a problem, the file cannot be written, is damaged or differs from its run, "
    "or the ledger is unreachable, not empty or cannot be migrated; standard error names the cause",
    2: WRONG_SETTING,
}


def main(argv: Sequence[str]) -> int:
    """Audit, archive, back up, restore or migrate the ledger."""
    arguments = build_parser().parse_args(argv)
    match arguments.command:
        case "archive":
            return with_ledger_url(
                PROGRAM, lambda url: _archive(url, arguments.before, arguments.to)
            )
        case "backup":
            return with_ledger_url(PROGRAM, lambda url: _backup(url, arguments.to))
        case "restore":
            return with_ledger_url(PROGRAM, lambda url: _restore(url, arguments.file))
        case "audit" if arguments.verify is not None:
            return with_ledger_url(PROGRAM, lambda url: _verify(url, arguments.verify))
        case "audit":
            return with_ledger(PROGRAM, _audit)
    return with_ledger_url(PROGRAM, _migrate)


def build_parser() -> CommandParser:
    """Return the parser of the command."""
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
        type=moment,
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
    backing_up = commands.add(
        "backup",
        "write the whole ledger to a file while the gateways serve; of keys it has hashes only",
        example="tintype ledger backup --to /var/backup",
    )
    backing_up.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="the new file (JSON Lines, gzip), or a folder to make it in",
    )
    restoring = commands.add(
        "restore",
        "restore a backup of either engine into an empty ledger, and audit it",
        example="tintype ledger restore ledger-2026-11-29T031700Z.backup.jsonl.gz",
    )
    restoring.add_argument(
        "file", type=Path, metavar="FILE", help="a file of `tintype ledger backup`"
    )
    commands.add(
        "migrate",
        "migrate the database to the schema of this version",
        example="tintype ledger migrate",
    )
    return parser


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
    print(f"before\t{time_of(report.before)}")
    print(f"postings\t{report.postings}")
    print(f"file\t{report.file}")


async def _backup(url: str, target: Path) -> int:
    """Write a backup, and print what is in it."""
    try:
        path, summary = await backup(url, target)
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    for table, rows in summary.rows.items():
        print(f"{table}\t{rows}")
    print(f"sha256\t{summary.sha256}")
    print(f"file\t{path.absolute()}")
    return 0


async def _restore(url: str, path: Path) -> int:
    """Restore a backup, and print the audit."""
    try:
        return _print_audit(await restore(url, path))
    except OSError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1


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
    return _print_audit(await ledger.audit())


def _print_audit(audit: Audit) -> int:
    figures = {
        "accounts": audit.accounts,
        "entries": audit.entries,
        "open holds": audit.open_holds,
        "expired holds": audit.expired_holds,
        "unknown outcomes": audit.unknown_outcomes,
        "late charges": audit.late_charges,
        "undelivered charges": audit.undelivered_charges,
        "archive runs": audit.archive_runs,
        "queued jobs": audit.queued_jobs,
        "running jobs": audit.running_jobs,
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
