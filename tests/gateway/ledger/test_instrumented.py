"""A measured ledger is the same ledger, and tells how long its operations took."""

from pathlib import Path

import pytest

from tintype_gateway.ledger.errors import AccountNotFoundError, LedgerUnavailableError
from tintype_gateway.ledger.factory import open_ledger
from tintype_gateway.ledger.instrumented import instrumented
from tintype_testing.metrics import metric


def count(operation: str, outcome: str) -> float:
    name = "tintype_ledger_operation_duration_seconds_count"
    return metric(name, operation=operation, outcome=outcome)


async def test_an_operation_gives_what_it_gave_and_is_counted(tmp_path: Path) -> None:
    ledger = instrumented(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))
    before = count("create_account", "done")

    account = await ledger.create_account("studio", credits_micro=5)

    assert account.balance == 5
    assert count("create_account", "done") == before + 1
    await ledger.close()


async def test_what_the_ledger_refuses_is_no_outage(tmp_path: Path) -> None:
    ledger = instrumented(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))
    before = count("account", "refused")

    with pytest.raises(AccountNotFoundError):
        await ledger.account("nobody")

    assert count("account", "refused") == before + 1
    await ledger.close()


async def test_an_outage_has_its_own_outcome(tmp_path: Path) -> None:
    ledger = instrumented(open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))
    await ledger.close()
    before = count("accounts", "unavailable")

    with pytest.raises(LedgerUnavailableError):
        await ledger.accounts()

    assert count("accounts", "unavailable") == before + 1
