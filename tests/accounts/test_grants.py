"""What is done for a CreditGrant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.working import NOON, Cluster, an_object
from tintype_accounts.backend import BackendUnavailableError
from tintype_accounts.planning.references import WAIT
from tintype_accounts.resources import Account, CreditGrant
from tintype_accounts.status import CreditGrantStatus


def a_grant(name: str = "march", **spec: Any) -> CreditGrant:
    fields = {"account": "acme", "credits": "25.5", "reason": "March"} | spec
    return an_object(CreditGrant, name, fields)


def ready(status: CreditGrantStatus) -> tuple[str, str]:
    return status.conditions[0].status, status.conditions[0].reason


@given(st.lists(st.sampled_from(["applied", "created again", "account again"]), max_size=6))
async def test_a_grant_is_made_once_whatever_happens_to_its_objects(events: list[str]) -> None:
    cluster = Cluster()
    account = an_object(Account, "acme", {})
    await cluster.account(account)
    first = await cluster.grant(a_grant())

    for event in events:
        if event == "created again":
            cluster.statuses.clear()
        elif event == "account again":
            del cluster.accounts["acme"]
            assert ready((await cluster.grant(a_grant())).status) == ("True", "Granted")
            await cluster.account(account)
        assert (await cluster.grant(a_grant())).status.posting == first.status.posting

    assert cluster.ledger.balance("acme") == 25_500_000


async def test_a_grant_whose_response_was_lost_is_made_once() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))
    cluster.ledger.fails_after = cluster.ledger.changes
    with pytest.raises(BackendUnavailableError):
        await cluster.grant(a_grant())

    cluster.ledger.fails_after = None
    await cluster.grant(a_grant())
    await cluster.grant(a_grant())

    assert cluster.ledger.balance("acme") == 25_500_000


async def test_a_grant_waits_for_its_account() -> None:
    cluster = Cluster()
    waiting = await cluster.grant(a_grant())
    cluster.accounts["acme"] = an_object(Account, "acme", {})
    not_ready = await cluster.grant(a_grant())
    await cluster.account(cluster.accounts["acme"])

    granted = await cluster.grant(a_grant())

    assert ready(waiting.status) == ("False", "AccountMissing")
    assert "Waiting for the Account `acme`" in waiting.status.conditions[0].message
    assert waiting.look_again_at == NOON + WAIT
    assert ready(not_ready.status) == ("False", "AccountNotReady")
    assert ready(granted.status) == ("True", "Granted")
    assert granted.status.applied_at == "2026-03-01T12:00:00Z"


async def test_an_account_of_another_owner_gets_nothing() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))
    await cluster.account(an_object(Account, "rival", {"accountName": "acme"}))

    done = await cluster.grant(a_grant(account="rival"))

    assert ready(done.status) == ("False", "AccountNotReady")
    assert cluster.ledger.grants == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"credits": "26"}, "of 25.5 credits"),
        ({"account": "other"}, "to `acme`"),
    ],
)
async def test_another_content_under_a_used_reference_is_a_conflict(
    change: dict[str, str], said: str
) -> None:
    cluster = Cluster()
    for name in ("acme", "other"):
        await cluster.account(an_object(Account, name, {}))
    await cluster.grant(a_grant(reference="2026-03"))

    done = await cluster.grant(a_grant("again", **{"reference": "2026-03"} | change))

    assert ready(done.status) == ("False", "Conflict")
    assert said in done.status.conditions[0].message
    assert len(cluster.ledger.grants) == 1


async def test_an_account_of_the_ledger_needs_no_object() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {"accountName": "tokens:acme"}))
    cluster.accounts.clear()

    done = await cluster.grant(a_grant(account=None, accountName="tokens:acme"))

    assert cluster.ledger.balance("tokens:acme") == 25_500_000
    assert done.status.account_name == "tokens:acme"
    assert cluster.ledger.grants.keys() == {"team/march"}


async def test_a_corrected_reason_is_not_another_grant() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))
    first = await cluster.grant(a_grant(reason="Mrach"))

    again = await cluster.grant(a_grant())

    assert again.status == first.status
    assert cluster.ledger.balance("acme") == 25_500_000
