"""Budgets against a model of them, through any sequence of operations and jumps of the clock."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from tintype_gateway.accounts import WINDOWS
from tintype_gateway.ledger import Budget, BudgetExceededError, Caller, Hold, HoldClosedError
from tintype_gateway.ledger.budgets import end_of, local_day, start_of, zone_of
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock, take
from tintype_testing.postgres import PostgresServer

pytestmark = pytest.mark.timeout(1200)
"""Hypothesis shrinks a failure for at most five minutes: one that is cut short tells nothing."""

HOUR = 3600
DAY = 24 * HOUR

ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles")

ALERT_COLUMNS = 'model, "window", window_start, percent, limit_micro, spent'

CALLER = Caller("studio", "key")

amounts = st.integers(min_value=0, max_value=100)
models = st.sampled_from(["canvas", "sketch"])
alerts = st.sets(st.sampled_from([30, 60, 100])).map(lambda percents: tuple(sorted(percents)))
budgets = st.lists(
    st.builds(Budget, st.sampled_from(WINDOWS), st.integers(0, 300), st.none() | models, alerts),
    unique_by=lambda budget: (budget.window, budget.model),
    max_size=4,
)


@dataclass
class ModelHold:
    model: str
    amount: int
    day: date
    expires_at: float
    state: str = "open"
    charged: int = 0

    @property
    def counted(self) -> int:
        return {"open": self.amount, "settled": self.charged}.get(self.state, 0)


class BudgetMachine(RuleBasedStateMachine):
    """Does everything twice: in the ledger, and in a list of holds."""

    stores: ClassVar[Iterator[Store]]
    """Empty databases."""

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.store = next(self.stores)
        self.ledger = self.store.open(self.clock)
        self.runner.run(self.ledger.create_account("studio", unlimited=True))
        self.zone = "UTC"
        self.last = date(1970, 1, 1)
        self.budgets: Sequence[Budget] = []
        self.first_days: dict[str | None, date] = {}
        """The day on which a model got its first budget: what was held before that day's windows
        is not counted for it."""

        self.model_holds: dict[str, ModelHold] = {}
        self.alerts: set[tuple[object, ...]] = set()

    @override
    def teardown(self) -> None:
        try:
            assert self.runner.run(self.ledger.audit()).problems == ()
            query = f"SELECT {ALERT_COLUMNS} FROM budget_alert"  # noqa: S608 - our own words
            recorded = [(*row[:2], str(row[2]), *row[3:]) for row in self.query(query)]
            assert sorted(map(repr, recorded)) == sorted(map(repr, self.alerts))
        finally:
            self.runner.run(self.ledger.close())
            self.runner.close()

    def query(self, statement: str) -> list[tuple[object, ...]]:
        return self.runner.run(self.store.query(statement))

    @property
    def today(self) -> date:
        return max(self.last, local_day(self.clock.now, zone_of(self.zone)))

    def in_window(self, budget: Budget, today: date) -> list[ModelHold]:
        first = start_of(budget.window, today)
        return [
            hold
            for hold in self.model_holds.values()
            if hold.day >= first and budget.counts(hold.model)
        ]

    def spent(self, budget: Budget) -> int:
        return sum(hold.counted for hold in self.in_window(budget, self.today))

    def left(self, model: str) -> list[tuple[int, date, Budget]]:
        """Return what is left of each budget for a model, and the end of its window."""
        return [
            (
                max(0, budget.limit - self.spent(budget)),
                end_of(budget.window, start_of(budget.window, self.today)),
                budget,
            )
            for budget in self.budgets
            if budget.counts(model)
        ]

    @rule(target=holds, model=models, amount=amounts, lifetime=st.sampled_from([60, 3 * DAY]))
    def hold(self, model: str, amount: int, lifetime: int) -> object:
        left = self.left(model)
        over = [each for each in left if amount > each[0]]
        taking = take(self.ledger, CALLER, amount, model=model, lifetime_seconds=lifetime)
        if over:
            with pytest.raises(BudgetExceededError) as refused:
                self.runner.run(taking)
            last = max(over, key=lambda each: each[1])
            assert refused.value.budget == last[2]
            assert refused.value.ends_at.date() == last[1]
            return multiple()
        hold = self.runner.run(taking)
        least = min((each[0] for each in left), default=None)
        assert hold.budget_remaining == (None if least is None else max(0, least - amount))
        self.last = self.today
        expires = self.clock.now + lifetime
        self.model_holds[hold.id] = ModelHold(model, amount, self.last, expires)
        return hold

    @rule(hold=holds, cost=amounts)
    def settle(self, hold: Hold, cost: int) -> None:
        model = self.model_holds[hold.id]
        settling = self.ledger.settle(hold, cost, images=1)
        if model.state not in ("open", "expired"):
            with pytest.raises(HoldClosedError):
                self.runner.run(settling)
            return
        self.runner.run(settling)
        model.state, model.charged = "settled", min(cost, model.amount)
        self.count_alerts(model.model)

    def count_alerts(self, model: str) -> None:
        known = {each[:5] for each in self.alerts}
        for budget in self.budgets:
            if not budget.counts(model):
                continue
            day = max(self.last, self.first_days.get(budget.model, self.last))
            charged = sum(hold.charged for hold in self.in_window(budget, day))
            start = start_of(budget.window, day).isoformat()
            for percent in budget.alerts:
                alert = (budget.model, budget.window, start, percent, budget.limit)
                if charged and charged * 100 >= percent * budget.limit and alert not in known:
                    self.alerts.add((*alert, charged))

    @rule(hold=holds, unknown=st.booleans())
    def release(self, hold: Hold, unknown: bool) -> None:
        model = self.model_holds[hold.id]
        releasing = self.ledger.release(hold, "timeout", outcome_unknown=unknown)
        if model.state not in ("open", "expired"):
            with pytest.raises(HoldClosedError):
                self.runner.run(releasing)
            return
        self.runner.run(releasing)
        model.state = "released"

    @rule()
    def expire(self) -> None:
        for hold in self.model_holds.values():
            if hold.state == "open" and hold.expires_at <= self.clock.now:
                hold.state = "expired"
        self.runner.run(self.ledger.expire_holds())

    @rule(elapsed=st.sampled_from([60, 5 * HOUR, DAY, 8 * DAY, 40 * DAY, -5 * HOUR, -3 * DAY]))
    def clock_jumps(self, elapsed: int) -> None:
        self.clock.advance(elapsed)

    @rule(wanted=budgets, zone=st.sampled_from(ZONES))
    def set_budgets(self, wanted: list[Budget], zone: str) -> None:
        self.runner.run(self.ledger.set_budgets("studio", zone, wanted))
        self.budgets, self.zone = wanted, zone
        models = {budget.model for budget in wanted if budget.model is not None}
        self.first_days = {model: self.first_days.get(model, self.today) for model in models}

    @invariant()
    def every_window_is_as_in_the_model(self) -> None:
        account = self.runner.run(self.ledger.account("studio"))
        assert account.budgets == tuple(self.budgets)
        assert [(each.start.date(), each.spent) for each in account.windows] == [
            (start_of(budget.window, self.today), self.spent(budget)) for budget in self.budgets
        ]


def run(stores: Iterator[Store], examples: int) -> None:
    machine = type("Machine", (BudgetMachine,), {"stores": stores})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None)
    )


def test_budgets_in_a_file_do_what_the_model_does(tmp_path: Path) -> None:
    def stores() -> Iterator[Store]:
        while True:
            yield SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path), "ledger.db"))

    run(stores(), examples=25)


def test_budgets_in_postgresql_do_what_the_model_does(
    postgres: PostgresServer, shared_ledger: str
) -> None:
    def stores() -> Iterator[Store]:
        while True:
            postgres.empty(shared_ledger)
            yield PostgresStore(postgres, shared_ledger)

    run(stores(), examples=15)
