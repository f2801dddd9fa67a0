"""The flags of an account's budgets, and the lines that show them."""

import argparse
import re
from collections.abc import Iterator

from tintype_cli.arguments import micro_credits
from tintype_cli.ledger_work import in_credits
from tintype_gateway.accounts import WINDOWS, Account, Budget, Window
from tintype_gateway.ledger.interface import Author, Ledger

NONE = "none"
"""The budgets of an account without any."""

_BUDGET = re.compile(r"(?P<window>[a-z]+)(:(?P<model>.+))?=(?P<limit>[^=@]+)(@(?P<alerts>[\d,]+))?")


def add_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags of budgets; those that are not given are absent in the result."""
    command.add_argument(
        "--budget",
        dest="budgets",
        type=_budget,
        action="append",
        default=argparse.SUPPRESS,
        metavar="BUDGET",
        help="replaces all budgets; WINDOW[:MODEL]=CREDITS[@PERCENT,PERCENT] for each, such as"
        f" `month=100@50,80` or `day:gpt-image-1=5`, or `{NONE}`; windows are {', '.join(WINDOWS)}",
    )
    command.add_argument(
        "--time-zone",
        default=argparse.SUPPRESS,
        metavar="ZONE",
        help="the time zone in which the windows of budgets begin, such as Europe/Berlin",
    )


async def set_budgets(
    ledger: Ledger, account: Account, arguments: argparse.Namespace, author: Author
) -> None:
    """Set the budgets and the time zone that flags name; what is not named stays."""
    given = vars(arguments)
    if "budgets" in given or "time_zone" in given:
        zone, budgets = chosen(arguments, account.time_zone, account.budgets)
        await ledger.set_budgets(account.name, zone, budgets, author=author)


def chosen(
    arguments: argparse.Namespace, time_zone: str = "UTC", budgets: tuple[Budget, ...] = ()
) -> tuple[str, tuple[Budget, ...]]:
    """Return time zone and budgets: those that flags name, or else the given ones."""
    given = vars(arguments)
    if "budgets" in given:
        budgets = tuple(each for each in given["budgets"] if each is not None)
    return given.get("time_zone", time_zone), budgets


def lines_of(account: Account) -> Iterator[str]:
    """Yield the lines that show the budgets of an account and what is spent of them."""
    for window in account.windows:
        budget = window.budget
        alerts = ", ".join(f"{percent} %" for percent in budget.alerts)
        columns = [
            f"budget of the {budget.window}",
            budget.model or "all models",
            f"{in_credits(window.spent)} of {in_credits(budget.limit)} credits",
            f"until {window.end.isoformat()} ({account.time_zone})",
            *([f"alerts at {alerts}"] if alerts else []),
        ]
        yield "\t".join(columns)


def _budget(text: str) -> Budget | None:
    if text == NONE:
        return None
    parts = _BUDGET.fullmatch(text)
    if parts is None:
        raise argparse.ArgumentTypeError(
            "must be WINDOW[:MODEL]=CREDITS[@PERCENT,PERCENT], such as month=100@50,80"
        )
    try:
        return Budget(
            _window(parts["window"]),
            micro_credits(parts["limit"]),
            parts["model"],
            tuple(int(each) for each in (parts["alerts"] or "").split(",") if each),
        )
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _window(text: str) -> Window:
    for window in WINDOWS:
        if text == window:
            return window
    raise ValueError(f"the window of a budget is one of {', '.join(WINDOWS)}")
