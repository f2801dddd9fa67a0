import pytest

from tintype_gateway.ledger import (
    Caller,
    Idempotency,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    Ledger,
)
from tintype_testing.ledgers import Clock, take

POSTER = Idempotency(key="poster-7", request_digest="digest of a poster")
OTHER_BODY = Idempotency(key="poster-7", request_digest="digest of a logo")


async def test_a_request_that_still_runs_is_not_started_again(
    ledger: Ledger, caller: Caller
) -> None:
    await take(ledger, caller, 400, idempotency=POSTER)

    with pytest.raises(IdempotencyInProgressError):
        await take(ledger, caller, 400, idempotency=POSTER)

    assert (await ledger.account("studio")).held == 400


async def test_a_charged_request_is_not_charged_again(ledger: Ledger, caller: Caller) -> None:
    first = await take(ledger, caller, 400, request_id="req-7", idempotency=POSTER)
    await ledger.settle(first, 150)

    with pytest.raises(IdempotencyReplayError) as refusal:
        await take(ledger, caller, 400, request_id="req-8", idempotency=POSTER)

    assert (refusal.value.request_id, refusal.value.charged) == ("req-7", 150)


@pytest.mark.parametrize("settled", [False, True])
async def test_another_request_cannot_use_the_key(
    ledger: Ledger, caller: Caller, settled: bool
) -> None:
    first = await take(ledger, caller, 400, idempotency=POSTER)
    if settled:
        await ledger.settle(first, 150)

    with pytest.raises(IdempotencyMismatchError):
        await take(ledger, caller, 400, idempotency=OTHER_BODY)


async def test_a_released_request_frees_its_key(ledger: Ledger, caller: Caller) -> None:
    first = await take(ledger, caller, 400, idempotency=POSTER)
    await ledger.release(first, "provider unavailable")

    await take(ledger, caller, 400, idempotency=OTHER_BODY)


async def test_a_refused_request_leaves_its_key_free(ledger: Ledger, caller: Caller) -> None:
    with pytest.raises(InsufficientCreditsError):
        await take(ledger, caller, 1001, idempotency=POSTER)

    await take(ledger, caller, 1000, idempotency=POSTER)


async def test_a_key_of_one_account_is_free_for_another(ledger: Ledger, caller: Caller) -> None:
    await ledger.create_account("other", credits_micro=1000)
    await take(ledger, caller, 400, idempotency=POSTER)

    await take(ledger, Caller("other", "key-1"), 400, idempotency=POSTER)


async def test_two_keys_are_two_requests(ledger: Ledger, caller: Caller) -> None:
    await take(ledger, caller, 400, idempotency=POSTER)

    await take(ledger, caller, 400, idempotency=Idempotency("poster-8", POSTER.request_digest))


async def test_a_late_settlement_keeps_its_key(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    first = await take(ledger, caller, 400, lifetime_seconds=10, idempotency=POSTER)
    clock.advance(10)
    await ledger.expire_holds()
    await ledger.settle(first, 150)

    with pytest.raises(IdempotencyReplayError):
        await take(ledger, caller, 400, idempotency=POSTER)


async def test_a_request_of_a_dead_process_is_not_repeated(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await take(ledger, caller, 400, request_id="req-7", lifetime_seconds=10, idempotency=POSTER)
    clock.advance(10)
    await ledger.expire_holds()

    with pytest.raises(IdempotencyOutcomeUnknownError) as refusal:
        await take(ledger, caller, 400, idempotency=POSTER)

    assert refusal.value.request_id == "req-7"
    assert (await ledger.account("studio")).held == 0


async def test_a_request_of_unknown_outcome_is_given_back_and_not_repeated(
    ledger: Ledger, caller: Caller
) -> None:
    first = await take(ledger, caller, 400, request_id="req-7", idempotency=POSTER)
    await ledger.release(first, "timeout", outcome_unknown=True)

    with pytest.raises(IdempotencyOutcomeUnknownError) as refusal:
        await take(ledger, caller, 400, idempotency=POSTER)

    assert refusal.value.request_id == "req-7"
    assert (await ledger.account("studio")).available == 1000


async def test_another_request_cannot_use_the_key_of_an_unknown_outcome(
    ledger: Ledger, caller: Caller
) -> None:
    first = await take(ledger, caller, 400, idempotency=POSTER)
    await ledger.release(first, "timeout", outcome_unknown=True)

    with pytest.raises(IdempotencyMismatchError):
        await take(ledger, caller, 400, idempotency=OTHER_BODY)


@pytest.mark.parametrize("end", ["settled", "expired", "unknown"])
async def test_a_key_is_kept_for_24_hours(
    ledger: Ledger, caller: Caller, clock: Clock, end: str
) -> None:
    first = await take(ledger, caller, 400, lifetime_seconds=10, idempotency=POSTER)
    if end == "settled":
        await ledger.settle(first, 150)
    elif end == "unknown":
        await ledger.release(first, "timeout", outcome_unknown=True)

    clock.advance(24 * 3600 - 1)
    await ledger.expire_holds()
    with pytest.raises(IdempotencyConflictError):
        await take(ledger, caller, 400, idempotency=POSTER)
    clock.advance(1)

    await take(ledger, caller, 400, idempotency=POSTER)


async def test_a_request_that_runs_keeps_its_key_however_long(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    await take(ledger, caller, 400, lifetime_seconds=10**6, idempotency=POSTER)
    clock.advance(2 * 24 * 3600)

    with pytest.raises(IdempotencyInProgressError):
        await take(ledger, caller, 400, idempotency=POSTER)


async def test_a_refused_request_leaves_an_old_key_where_it_was(
    ledger: Ledger, caller: Caller, clock: Clock
) -> None:
    first = await take(ledger, caller, 400, idempotency=POSTER)
    await ledger.settle(first, 150)
    clock.advance(24 * 3600)
    with pytest.raises(InsufficientCreditsError):
        await take(ledger, caller, 851, idempotency=POSTER)

    clock.advance(-1)

    with pytest.raises(IdempotencyReplayError):
        await take(ledger, caller, 400, idempotency=POSTER)
