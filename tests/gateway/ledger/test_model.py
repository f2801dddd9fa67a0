"""The ledger against a model of it in a few lines, through any sequence of operations."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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

from tintype_gateway.ledger import (
    Account,
    Caller,
    Hold,
    HoldClosedError,
    Idempotency,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    LedgerError,
    Settlement,
)
from tintype_testing.ledger_stores import PostgresStore, SqliteStore, Store
from tintype_testing.ledgers import Clock, take
from tintype_testing.postgres import PostgresServer

DAY = 24 * 3600

amounts = st.integers(min_value=0, max_value=100)
seconds = st.integers(min_value=1, max_value=60)
idempotencies = st.none() | st.builds(Idempotency, st.sampled_from("pq"), st.sampled_from("xy"))


@dataclass
class ModelAccount:
    unlimited: bool
    balance: int


@dataclass
class ModelHold:
    account: str
    amount: int
    created_at: float
    expires_at: float
    idempotency: Idempotency | None
    state: str = "open"
    charged: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Does everything twice: in the ledger, and in two dictionaries."""

    stores: ClassVar[Iterator[Store]]
    """Empty databases."""

    names = Bundle("names")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.ledger = next(self.stores).open(self.clock)
        self.model_accounts: dict[str, ModelAccount] = {}
        self.model_holds: dict[str, ModelHold] = {}

    @override
    def teardown(self) -> None:
        try:
            assert self.runner.run(self.ledger.audit()).problems == ()
        finally:
            self.runner.run(self.ledger.close())
            self.runner.close()

    def held(self, name: str) -> int:
        holds = self.model_holds.values()
        return sum(h.amount for h in holds if (h.account, h.state) == (name, "open"))

    def available(self, name: str) -> int | None:
        account = self.model_accounts[name]
        return None if account.unlimited else account.balance - self.held(name)

    def owner(self, account: str, idempotency: Idempotency | None) -> ModelHold | None:
        """Return the hold that still has an idempotency key."""
        for hold in self.model_holds.values():
            if hold.idempotency and idempotency and hold.account == account:
                kept = hold.state == "open" or self.clock.now < hold.created_at + DAY
                if hold.idempotency.key == idempotency.key and hold.state != "free" and kept:
                    return hold
        return None

    def refusal(
        self, name: str, amount: int, idempotency: Idempotency | None
    ) -> type[LedgerError] | None:
        """Return why a hold cannot be taken."""
        first = self.owner(name, idempotency)
        if first is not None and first.idempotency != idempotency:
            return IdempotencyMismatchError
        if first is not None and first.state == "open":
            return IdempotencyInProgressError
        if first is not None:
            settled = first.state == "settled"
            return IdempotencyReplayError if settled else IdempotencyOutcomeUnknownError
        available = self.available(name)
        short = available is not None and available < amount
        return InsufficientCreditsError if short else None

    @rule(target=names, credits_micro=amounts, unlimited=st.booleans())
    def create_account(self, credits_micro: int, unlimited: bool) -> str:
        name = f"account-{len(self.model_accounts)}"
        self.runner.run(
            self.ledger.create_account(name, credits_micro=credits_micro, unlimited=unlimited)
        )
        self.model_accounts[name] = ModelAccount(unlimited, credits_micro)
        return name

    @rule(name=names, micro=amounts)
    def grant(self, name: str, micro: int) -> None:
        self.runner.run(self.ledger.grant(name, micro, reason="a gift"))
        self.model_accounts[name].balance += micro

    @rule(name=names, micro=amounts.filter(bool))
    def take_back(self, name: str, micro: int) -> None:
        self.runner.run(self.ledger.adjust(name, -micro, reason="a slip"))
        self.model_accounts[name].balance -= micro

    @rule(
        target=holds,
        name=names,
        amount=amounts,
        lifetime=seconds,
        idempotency=idempotencies,
    )
    def hold(
        self, name: str, amount: int, lifetime: int, idempotency: Idempotency | None
    ) -> object:
        taking = take(
            self.ledger,
            Caller(name, "key"),
            amount,
            lifetime_seconds=lifetime,
            idempotency=idempotency,
        )
        refusal = self.refusal(name, amount, idempotency)
        if refusal is not None:
            with pytest.raises(refusal):
                self.runner.run(taking)
            return multiple()
        hold = self.runner.run(taking)
        now = self.clock.now
        self.model_holds[hold.id] = ModelHold(name, amount, now, now + lifetime, idempotency)
        return hold

    @rule(hold=holds, cost=amounts)
    def settle(self, hold: Hold, cost: int) -> None:
        model = self.model_holds[hold.id]
        settling = self.ledger.settle(hold, cost, images=1)
        if model.state not in ("open", "expired"):
            with pytest.raises(HoldClosedError):
                self.runner.run(settling)
            return
        settlement = self.runner.run(settling)
        late, model.state = model.state == "expired", "settled"
        model.charged = min(cost, model.amount)
        self.model_accounts[model.account].balance -= model.charged
        available = self.available(model.account)
        assert settlement == Settlement(model.charged, available, late, cost - model.charged)

    @rule(hold=holds, unknown=st.booleans())
    def release(self, hold: Hold, unknown: bool) -> None:
        model = self.model_holds[hold.id]
        releasing = self.ledger.release(hold, "timeout", outcome_unknown=unknown)
        if model.state not in ("open", "expired"):
            with pytest.raises(HoldClosedError):
                self.runner.run(releasing)
            return
        self.runner.run(releasing)
        model.state = "unknown" if unknown else "free"

    @rule(hold=holds, lifetime=seconds)
    def renew(self, hold: Hold, lifetime: int) -> None:
        model = self.model_holds[hold.id]
        renewing = self.ledger.renew(hold, lifetime)
        if model.state != "open":
            with pytest.raises(HoldClosedError):
                self.runner.run(renewing)
            return
        self.runner.run(renewing)
        model.expires_at = self.clock.now + lifetime

    @rule(elapsed=seconds | st.just(DAY))
    def wait(self, elapsed: int) -> None:
        self.clock.advance(elapsed)

    @rule()
    def expire(self) -> None:
        overdue = [
            hold
            for hold in self.model_holds.values()
            if hold.state == "open" and hold.expires_at <= self.clock.now
        ]
        for hold in overdue:
            hold.state = "expired"
        assert self.runner.run(self.ledger.expire_holds()) == len(overdue)

    @invariant()
    def every_account_is_as_in_the_model(self) -> None:
        assert self.runner.run(self.ledger.accounts()) == [
            Account(name, account.unlimited, account.balance, self.held(name))
            for name, account in sorted(self.model_accounts.items())
        ]


def run(stores: Iterator[Store], examples: int) -> None:
    machine = type("Machine", (LedgerMachine,), {"stores": stores})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None)
    )


def test_the_ledger_in_a_file_does_what_the_model_does(tmp_path: Path) -> None:
    def stores() -> Iterator[Store]:
        while True:
            yield SqliteStore(Path(tempfile.mkdtemp(dir=tmp_path), "ledger.db"))

    run(stores(), examples=25)


def test_the_ledger_in_postgresql_does_what_the_model_does(
    postgres: PostgresServer, shared_ledger: str
) -> None:
    def stores() -> Iterator[Store]:
        while True:
            postgres.empty(shared_ledger)
            yield PostgresStore(postgres, shared_ledger)

    run(stores(), examples=20)
