"""What a check has found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Level = Literal["ok", "warning", "problem"]

WARNING_SECONDS = 30
"""The difference of two clocks above which times in logs and budgets mislead."""

PROBLEM_SECONDS = 240
"""The difference near which signatures and tokens are refused: AWS allows five minutes."""


@dataclass(frozen=True)
class Finding:
    """One line of the report. It never has a secret."""

    check: str
    """What was checked, such as `ledger`."""

    level: Level
    message: str
    advice: str = ""
    """What to do; empty if nothing is to be done."""


@dataclass(frozen=True)
class Clock:
    """The clock of another program."""

    name: str
    ahead_seconds: float
    """How far it is ahead of this one."""


def clock_of(name: str, header: str | None) -> Clock | None:
    """Return the clock of a server by the header `Date` of its response, which has whole seconds.

    None without a valid header.
    """
    try:
        date = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return Clock(name, (date.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def clock_findings(clocks: Sequence[Clock]) -> Iterator[Finding]:
    """Yield what the clocks say: one line for each that differs, or one for all of them."""
    wrong = [clock for clock in clocks if abs(clock.ahead_seconds) >= WARNING_SECONDS]
    for clock in wrong:
        seconds = round(abs(clock.ahead_seconds))
        where = "ahead of" if clock.ahead_seconds > 0 else "behind"
        yield Finding(
            "clock",
            "problem" if seconds >= PROBLEM_SECONDS else "warning",
            f"the clock of {clock.name} is {seconds} seconds {where} this machine's",
            "synchronize the clocks by NTP: signatures and tokens are valid for minutes only",
        )
    if clocks and not wrong:
        names = ", ".join(dict.fromkeys(clock.name for clock in clocks))
        yield Finding("clock", "ok", f"as those of {names}")
