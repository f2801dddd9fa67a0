"""The ledger against a model of it in a few lines, through any sequence of operations."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

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

from tests.gateway.ledger.support import Clock, take
from tintype_gateway.ledger import (
    Account,
    Caller,
    Hold,
    HoldClosedError,
    InsufficientCreditsError,
    Settlement,
    open_ledger,
)

amounts = st.integers(min_value=0, max_value=100)
seconds = st.integers(min_value=1, max_value=60)


@dataclass
class ModelAccount:
    unlimited: bool
    balance: int


@dataclass
class ModelHold:
    account: str
    amount: int
    expires_at: float
    state: str = "open"


class LedgerMachine(RuleBasedStateMachine):
    """Does everything twice: in the ledger, and in two dictionaries."""

    names = Bundle("names")
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.ledger = open_ledger(
            f"sqlite:///{Path(self.folder.name, 'ledger.db')}", clock=self.clock
        )
        self.model_accounts: dict[str, ModelAccount] = {}
        self.model_holds: dict[str, ModelHold] = {}

    @override
    def teardown(self) -> None:
        self.runner.run(self.ledger.close())
        self.runner.close()
        self.folder.cleanup()

    def held(self, name: str) -> int:
        holds = self.model_holds.values()
        return sum(h.amount for h in holds if (h.account, h.state) == (name, "open"))

    def available(self, name: str) -> int | None:
        account = self.model_accounts[name]
        return None if account.unlimited else account.balance - self.held(name)

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

    @rule(target=holds, name=names, amount=amounts, lifetime=seconds)
    def hold(self, name: str, amount: int, lifetime: int) -> object:
        taking = take(self.ledger, Caller(name, "key"), amount, lifetime_seconds=lifetime)
        available = self.available(name)
        if available is not None and available < amount:
            with pytest.raises(InsufficientCreditsError) as refusal:
                self.runner.run(taking)
            assert (refusal.value.required, refusal.value.available) == (amount, available)
            return multiple()
        hold = self.runner.run(taking)
        self.model_holds[hold.id] = ModelHold(name, amount, self.clock.now + lifetime)
        return hold

    @rule(hold=holds, cost=amounts)
    def settle(self, hold: Hold, cost: int) -> None:
        model = self.model_holds[hold.id]
        settling = self.ledger.settle(hold, cost)
        if model.state == "closed":
            with pytest.raises(HoldClosedError):
                self.runner.run(settling)
            return
        settlement = self.runner.run(settling)
        late, model.state = model.state == "expired", "closed"
        charged = min(cost, model.amount)
        self.model_accounts[model.account].balance -= charged
        available = self.available(model.account)
        assert settlement == Settlement(charged, available, late, excess=cost - charged)

    @rule(hold=holds)
    def release(self, hold: Hold) -> None:
        model = self.model_holds[hold.id]
        releasing = self.ledger.release(hold, "provider unavailable")
        if model.state == "closed":
            with pytest.raises(HoldClosedError):
                self.runner.run(releasing)
            return
        self.runner.run(releasing)
        model.state = "closed"

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

    @rule(elapsed=seconds)
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

    @invariant()
    def the_books_balance(self) -> None:
        assert self.runner.run(self.ledger.audit()).problems == ()


def test_the_ledger_does_what_the_model_does() -> None:
    run_state_machine_as_test(
        LedgerMachine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None)
    )
