"""What is done for an Account."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.working import AUTHOR, NOON, OWNER, Cluster, an_object
from tintype_accounts.amounts import credits_text, micro_credits
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    BudgetSettings,
    PolicySettings,
    WindowState,
)
from tintype_accounts.planning.accounts import plan_account, settings_of
from tintype_accounts.planning.actions import PutAccount
from tintype_accounts.resources import Account, account_owner

MODELS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)
BUDGETS = st.lists(
    st.fixed_dictionaries(
        {
            "window": st.sampled_from(["day", "week", "month"]),
            "credits": st.sampled_from(["0", "0.5", "25"]),
            "alertPercents": st.lists(st.integers(1, 100), max_size=3, unique=True),
        },
        optional={"model": st.sampled_from(["a", "b"])},
    ),
    max_size=6,
    unique_by=lambda budget: (budget["window"], budget.get("model")),
)
SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "displayName": st.sampled_from(["", "Team"]),
        "models": MODELS,
        "budgets": BUDGETS,
        "timeZone": st.sampled_from(["UTC", "Europe/Berlin"]),
        "unlimited": st.booleans(),
        "suspended": st.booleans(),
        "limits": st.fixed_dictionaries({}, optional={"requestsPerMinute": st.integers(1, 9)}),
        "deletionPolicy": st.sampled_from(["Retain", "Suspend"]),
    },
)


@given(SPECS, SPECS)
async def test_the_ledger_gets_what_the_spec_says_and_applying_it_again_changes_nothing(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    cluster = Cluster()
    for spec in (first, second):
        account = an_object(Account, "acme", spec)
        done = await cluster.account(account)
        changes = cluster.ledger.changes

        again = await cluster.account(account)

        assert cluster.ledger.by_name["acme"].settings == settings_of(account.spec)
        assert again == done
        assert cluster.ledger.changes == changes


@given(SPECS, st.randoms(use_true_random=False))
async def test_the_order_of_what_the_ledger_returns_is_no_difference(
    spec: dict[str, Any], random: Any
) -> None:
    account = an_object(Account, "acme", spec)
    cluster = Cluster()
    await cluster.account(account)
    state = cluster.ledger.by_name["acme"]
    models = state.policy.models
    shuffled = state.model_copy(
        update={
            "policy": state.policy.model_copy(
                update={"models": models and tuple(random.sample(models, len(models)))}
            ),
            "budgets": tuple(random.sample(state.budgets, len(state.budgets))),
        }
    )

    assert plan_account(account, shuffled, NOON, owner=OWNER).actions == ()


async def test_an_account_without_an_owner_is_adopted_with_its_balance() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))
    mine = account_owner(OWNER, "team", "acme")
    await cluster.ledger.release_account("acme", owner=mine, author=AUTHOR)

    done = await cluster.account(an_object(Account, "acme", {"displayName": "Acme"}))

    assert cluster.ledger.by_name["acme"].owner == mine
    assert done.status.conditions[0].reason == "Ready"


async def test_an_account_of_another_object_stays_as_it_is() -> None:
    cluster = Cluster()
    await cluster.account(an_object(Account, "acme", {}))

    done = await cluster.account(an_object(Account, "rival", {"accountName": "acme"}))

    ready, stalled = done.status.conditions
    assert (ready.status, ready.reason, stalled.type) == ("False", "Conflict", "Stalled")
    assert "tintype/images:team/acme" in ready.message
    assert cluster.ledger.by_name["acme"].owner == account_owner(OWNER, "team", "acme")
    assert done.status.balance is None


async def test_a_deleted_account_that_is_created_again_is_no_longer_suspended() -> None:
    cluster = Cluster()
    account = an_object(Account, "acme", {"deletionPolicy": "Suspend"})
    await cluster.account(account)
    mine = account_owner(OWNER, "team", "acme")
    await cluster.ledger.release_account("acme", owner=mine, author=AUTHOR)
    assert cluster.ledger.by_name["acme"].suspended

    await cluster.account(account)

    assert not cluster.ledger.by_name["acme"].suspended


def test_unknown_models_are_named_by_field_and_do_no_harm() -> None:
    budgets = [
        {"window": "day", "credits": "1", "model": "b"},
        {"window": "day", "credits": "1", "model": "a"},
        {"window": "day", "credits": "1"},
    ]
    account = an_object(Account, "acme", {"models": ["c", "a", "d"], "budgets": budgets})

    assert [*account.spec.unknown_models({"a"})] == [
        ("spec.models", "the catalog has no model `c`, `d`"),
        ("spec.budgets", "the catalog has no model `b`"),
    ]
    assert [*an_object(Account, "all", {}).spec.unknown_models({"a"})] == []


def test_the_status_has_credits_as_the_spec_has_them() -> None:
    account = an_object(Account, "acme", {"budgets": [{"window": "day", "credits": "2.50"}]})
    state = AccountState(
        **settings_of(account.spec).model_dump(),
        name="acme",
        owner=account_owner(OWNER, "team", "acme"),
        balance=-200_000,
        held=1_000_001,
        windows=(WindowState(window="day", limit=2_500_000, start=NOON, end=NOON, spent=5),),
    )

    status = plan_account(account, state, NOON, owner=OWNER).status

    assert (status.balance, status.held) == ("-0.2", "1.000001")
    assert status.windows[0].model_dump(exclude_none=True) == {
        "window": "day",
        "credits": "2.5",
        "spent": "0.000005",
        "endsAt": "2026-03-01T12:00:00Z",
    }


def test_a_spec_becomes_the_settings_of_the_ledger() -> None:
    spec = {
        "accountName": "acme/team-a",
        "models": ["b", "a"],
        "limits": {
            "requestsPerMinute": 60,
            "imagesPerMinute": 120,
            "callsPerMinute": 700,
            "queuedJobs": 8,
            "runningJobs": 3,
        },
        "webhooks": {"allowed": True},
        "guardrail": {"exempt": True},
        "responseProfile": "openai",
        "timeZone": "Europe/Berlin",
        "budgets": [
            {"window": "month", "credits": "50", "alertPercents": [80, 50]},
            {"window": "day", "credits": "2.5", "model": "a"},
        ],
    }
    account = an_object(Account, "acme", spec)

    (action,) = plan_account(account, None, NOON, owner=OWNER).actions

    assert action == PutAccount(
        "acme/team-a",
        AccountSettings(
            policy=PolicySettings(
                models=("a", "b"),
                requests_per_minute=60,
                images_per_minute=120,
                calls_per_minute=700,
                queued_jobs=8,
                running_jobs=3,
                webhooks=True,
                guardrail_exempt=True,
                response_profile="openai",
            ),
            time_zone="Europe/Berlin",
            budgets=(
                BudgetSettings(window="day", limit=2_500_000, model="a"),
                BudgetSettings(window="month", limit=50_000_000, alerts=(50, 80)),
            ),
        ),
        "tintype/images:team/acme",
    )


@given(st.integers(0, 10**15 - 1))
def test_amounts_are_exact(micro: int) -> None:
    assert micro_credits(credits_text(micro)) == micro
