"""The ledger's values and the documents of the admin API say the same."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tintype_accounts.documents import (
    AccountSettings,
    BudgetSettings,
    Document,
    GrantState,
    KeyState,
    PolicySettings,
)
from tintype_gateway.accounts import (
    WINDOWS,
    AccountSpec,
    ApiKey,
    Budget,
    Grant,
    Policy,
)
from tintype_gateway.ledger.documents import account_settings, account_spec

NAMES = st.text("abz-/:.", min_size=1, max_size=8)
RATES = st.none() | st.integers(1, 1_000_000)

POLICIES = st.builds(
    Policy,
    models=st.none() | st.frozensets(NAMES),
    requests_per_minute=RATES,
    images_per_minute=RATES,
    response_profile=st.sampled_from([None, "router", "openai"]),
    calls_per_minute=RATES,
    queued_jobs=RATES,
    running_jobs=RATES,
    webhooks=st.booleans(),
    guardrail_exempt=st.booleans(),
)
BUDGETS = st.builds(
    Budget,
    window=st.sampled_from(WINDOWS),
    limit=st.integers(0, 10**15),
    model=st.none() | NAMES,
    alerts=st.sets(st.integers(1, 100), max_size=3).map(lambda each: tuple(sorted(each))),
)
SPECS = st.builds(
    AccountSpec,
    display_name=st.text("aé 字", max_size=255),
    suspended=st.booleans(),
    unlimited=st.booleans(),
    policy=POLICIES,
    deletion_policy=st.sampled_from(["retain", "suspend"]),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    budgets=st.lists(BUDGETS, max_size=3).map(tuple),
)


@given(SPECS)
def test_a_spec_is_the_same_after_a_way_through_json(spec: AccountSpec) -> None:
    sent = account_settings(spec).model_dump_json(exclude_defaults=True)

    assert account_spec(AccountSettings.model_validate_json(sent)) == spec


@pytest.mark.parametrize(
    ("value", "document", "renamed"),
    [
        (AccountSpec, AccountSettings, {}),
        (Policy, PolicySettings, {}),
        (Budget, BudgetSettings, {}),
        (ApiKey, KeyState, {}),
        (Grant, GrantState, {"micro": "micro_credits"}),
    ],
)
def test_a_document_has_every_field_of_the_value(
    value: Any, document: type[Document], renamed: dict[str, str]
) -> None:
    names = {renamed.get(field.name, field.name) for field in fields(value)}

    assert names == document.model_fields.keys()
