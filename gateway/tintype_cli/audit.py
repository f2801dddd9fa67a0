"""`tintype audit`: who changed accounts, keys, grants, models, bindings and admins."""

import json
from collections.abc import Sequence

from tintype_cli.arguments import moment, up_to
from tintype_cli.help import LEDGER_CODES, CommandParser, command_parser
from tintype_cli.ledger_work import with_ledger
from tintype_gateway.ledger.changes import KINDS, MAXIMUM_PAGE, Change, change_document
from tintype_gateway.ledger.interface import ChangeFilter, Ledger

DEFAULT_LINES = 100


def main(argv: Sequence[str]) -> int:
    """Show changes, or forget old ones."""
    arguments = build_parser().parse_args(argv)

    async def work(ledger: Ledger) -> None:
        if arguments.command == "forget":
            print(f"changes deleted\t{await ledger.forget_changes(arguments.before)}")
            return
        changes = await ledger.changes(
            ChangeFilter(
                kind=arguments.kind,
                name=arguments.name,
                account=arguments.account,
                author=arguments.author,
                since=arguments.since,
                until=arguments.until,
            ),
            limit=arguments.limit,
            newest_first=True,
        )
        show = _json_of if arguments.json else _line_of
        for change in reversed(changes):
            print(show(change))

    return with_ledger("tintype audit", work)


def _line_of(change: Change) -> str:
    author, difference = change.author, change.difference
    what = f"{difference.kind} {difference.name}\t{difference.action}"
    return f"{change.at:%Y-%m-%d %H:%M:%S} UTC\t{author.kind} {author.name}\t{what}"


def _json_of(change: Change) -> str:
    return json.dumps(change_document(change))


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser, commands = command_parser(
        "tintype audit",
        "Work with the audit log in the ledger that TINTYPE_DATABASE_URL names.",
        example="tintype audit show --account team-a",
        exit_codes=LEDGER_CODES,
    )
    show = commands.add(
        "show",
        "show the last changes, the newest at the end",
        example="tintype audit show --kind key --since 7d --json",
    )
    show.add_argument("--kind", choices=KINDS, help="only changes of this kind")
    for name, text in (
        ("name", "the name of what was changed"),
        ("account", "the account that they concern"),
        ("author", "the name of their author"),
    ):
        show.add_argument(f"--{name}", metavar="NAME", help=f"only changes with {text}")
    for name, text in (
        ("since", "from this day (UTC) on, or since this long ago, such as 7d"),
        ("until", "before this day, or this long ago"),
    ):
        show.add_argument(f"--{name}", type=moment, metavar="DATE", help=f"only changes {text}")
    show.add_argument(
        "--limit",
        type=up_to(MAXIMUM_PAGE),
        default=DEFAULT_LINES,
        metavar="N",
        help=f"at most so many, up to {MAXIMUM_PAGE}; {DEFAULT_LINES} by default",
    )
    show.add_argument(
        "--json", action="store_true", help="print JSON, with the states before and after"
    )
    forget = commands.add(
        "forget", "delete old changes", example="tintype audit forget --before 365d"
    )
    forget.add_argument(
        "--before",
        type=moment,
        required=True,
        metavar="DATE",
        help="delete what was recorded before this day (UTC), or this long ago",
    )
    return parser
