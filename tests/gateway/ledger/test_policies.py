import pytest

from tintype_gateway.ledger import (
    UNRESTRICTED,
    AccountNotFoundError,
    Caller,
    Ledger,
    Policy,
)

STRICT = Policy(
    frozenset({"dall-e-3", "gpt-image-1"}),
    requests_per_minute=10,
    images_per_minute=5,
    response_profile="openai",
    calls_per_minute=70,
    queued_jobs=8,
    running_jobs=3,
    webhooks=True,
    guardrail_exempt=True,
)


async def test_a_new_account_may_do_everything(ledger: Ledger) -> None:
    account = await ledger.create_account("studio")

    assert account.policy == UNRESTRICTED


async def test_an_account_is_opened_with_its_policy(ledger: Ledger) -> None:
    await ledger.create_account("studio", policy=STRICT)

    assert (await ledger.account("studio")).policy == STRICT


@pytest.mark.parametrize("policy", [STRICT, UNRESTRICTED, Policy(models=frozenset())])
async def test_a_policy_is_replaced_as_a_whole(ledger: Ledger, policy: Policy) -> None:
    await ledger.create_account("studio", credits_micro=10, policy=Policy(images_per_minute=7))

    changed = await ledger.set_policy("studio", policy)

    assert (changed.policy, changed.balance) == (policy, 10)
    assert (await ledger.accounts())[0].policy == policy


async def test_the_policy_of_an_unknown_account_cannot_be_set(ledger: Ledger) -> None:
    with pytest.raises(AccountNotFoundError):
        await ledger.set_policy("nobody", STRICT)


@pytest.mark.parametrize("rate", [0, -1, 1_000_001])
def test_a_rate_of_zero_or_above_the_maximum_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="a minute"):
        Policy(requests_per_minute=rate)
    with pytest.raises(ValueError, match="a minute"):
        Policy(images_per_minute=rate)
    with pytest.raises(ValueError, match="a minute"):
        Policy(calls_per_minute=rate)


@pytest.mark.parametrize("jobs", [0, -1, 1_000_001])
def test_a_limit_of_jobs_of_zero_or_above_the_maximum_is_refused(jobs: int) -> None:
    with pytest.raises(ValueError, match="number of jobs"):
        Policy(queued_jobs=jobs)
    with pytest.raises(ValueError, match="number of jobs"):
        Policy(running_jobs=jobs)


@pytest.mark.parametrize(
    ("policy", "calls"),
    [
        (UNRESTRICTED, 600),
        (Policy(requests_per_minute=1), 10),
        (Policy(requests_per_minute=1_000_000), 10_000_000),
        (Policy(requests_per_minute=5, calls_per_minute=7), 7),
    ],
)
async def test_a_caller_knows_how_many_calls_it_may_make(
    ledger: Ledger, policy: Policy, calls: int
) -> None:
    await ledger.create_account("studio", policy=policy)
    _, secret = await ledger.create_key("studio")

    assert (await ledger.authenticate(secret)).calls_per_minute == calls


def test_a_profile_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(ValueError, match="router, openai"):
        Policy(response_profile="azure")  # type: ignore[arg-type]


async def test_a_caller_knows_the_models_and_the_profile_of_its_account(ledger: Ledger) -> None:
    await ledger.create_account("studio", policy=STRICT)
    _, secret = await ledger.create_key("studio")

    caller = await ledger.authenticate(secret)

    assert (caller.models, caller.response_profile) == (STRICT.models, "openai")
    assert caller.webhooks
    assert caller.guardrail_exempt
    assert [caller.may_use(model) for model in ("dall-e-3", "imagen")] == [True, False]


def test_a_caller_without_an_allow_list_may_use_every_model() -> None:
    assert Caller("studio", "key-1").may_use("imagen")


def test_a_caller_with_an_empty_allow_list_may_use_none() -> None:
    assert not Caller("studio", "key-1", frozenset()).may_use("imagen")
