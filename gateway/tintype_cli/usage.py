"""`tintype usage`: sums up charges, as a table, CSV or JSON."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial

from tintype_cli.help import DONE, WRONG_SETTING, CommandParser, texts
from tintype_cli.ledger_work import in_credits, with_ledger
from tintype_gateway.api.usage import REPORTS
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.usage import DIMENSIONS, Dimension, UsageQuery, UsageSum, dimensions_of

PROGRAM = "tintype usage"

TEXT = "text"

EXIT_CODES = {
    0: DONE,
    1: "the ledger is unreachable; standard error names the cause",
    2: WRONG_SETTING,
}


def main(argv: Sequence[str]) -> int:
    """Print the sums of charges."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        query = UsageQuery(arguments.since, arguments.until, arguments.by, arguments.account)
    except ValueError as error:
        parser.error(str(error))
    return with_ledger(PROGRAM, partial(_print, query=query, form=arguments.format))


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog=PROGRAM,
        **texts(
            "Sum up the charges in the ledger that TINTYPE_DATABASE_URL names.",
            example="tintype usage --since 2026-11-01 --by account,user\n"
            "tintype usage --by key,model,day --format csv > usage.csv",
            exit_codes=EXIT_CODES,
        ),
    )
    parser.add_argument(
        "--since",
        type=_day,
        default=datetime.now(UTC).date().replace(day=1),
        metavar="DAY",
        help="the first day (UTC, such as 2026-11-01); by default that of this month",
    )
    parser.add_argument(
        "--until", type=_day, metavar="DAY", help="the first day that does not count any more"
    )
    parser.add_argument(
        "--by",
        type=_dimensions,
        default=UsageQuery.by,
        metavar="LIST",
        help=f"what to sum up by: some of {', '.join(DIMENSIONS)} (default: account,model)",
    )
    parser.add_argument("--account", metavar="NAME", help="only the charges of this account")
    parser.add_argument(
        "--format",
        choices=[TEXT, *REPORTS],
        default=TEXT,
        help="text has credits; csv and json have micro-credits, as the admin API has",
    )
    return parser


async def _print(ledger: Ledger, *, query: UsageQuery, form: str) -> None:
    if form == TEXT:
        print(*query.by, "requests", "images", "credits", sep="\t")
        await ledger.report_usage(query, _print_lines)
        return
    report = REPORTS[form](query)

    async def take(sums: Sequence[UsageSum]) -> None:
        sys.stdout.write(report.rows(sums))

    sys.stdout.write(report.head())
    await ledger.report_usage(query, take)
    sys.stdout.write(report.tail())


async def _print_lines(sums: Sequence[UsageSum]) -> None:
    for each in sums:
        values = (value or "-" for value in each.values)
        print(*values, each.requests, each.images, in_credits(each.charged), sep="\t")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a day such as 2026-11-01") from error


def _dimensions(text: str) -> tuple[Dimension, ...]:
    try:
        return dimensions_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
