"""Holds the ceiling of a request's cost on the caller's account."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tintype_gateway import errors
from tintype_gateway.api.credits import budget_exceeded
from tintype_gateway.billing.holding import Holding
from tintype_gateway.ledger.budgets import exceeded
from tintype_gateway.ledger.errors import (
    BudgetExceededError,
    HoldClosedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    JobQueueFullError,
    LedgerError,
    LedgerUnavailableError,
    RateLimitedError,
)
from tintype_gateway.ledger.interface import Account, Caller, Hold, HoldRequest, Ledger
from tintype_gateway.observability.metrics import BUDGET_REFUSALS
from tintype_gateway.observability.spans import traced

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """An idempotent repeat of a request that was charged before."""

    request_id: str
    """The request that was charged."""

    message: str


@asynccontextmanager
async def held(
    caller: Caller, request: HoldRequest, ledger: Ledger
) -> AsyncIterator[Holding | Replay]:
    """Hold credits while the block runs, and release them if it fails or is cancelled.

    If an earlier request with the same idempotency key was charged, the block gets a Replay.

    Raises:
        InsufficientCreditsError: The account has fewer credits.
        BudgetExceededError: The account would exceed a budget.
        RateLimitError: The account has exceeded a rate limit.
        ConflictError: The idempotency key belongs to another request.
        UnavailableError: The ledger is unavailable. No image was requested.
    """
    hold = await _take(caller, request, ledger)
    if isinstance(hold, Replay):
        yield hold
        return
    holding = Holding(hold, ledger, request.lifetime_seconds)
    try:
        yield holding
    except BaseException as error:
        if holding.is_open and not holding.is_kept:
            await _give_back(hold, error, ledger)
        raise
    finally:
        if not holding.is_kept:
            holding.end()


async def check_funds(caller: Caller, model: str, amount: int, ledger: Ledger) -> Account:
    """Check that the account may spend this amount of micro-credits on a model, without a hold.

    Raises:
        InsufficientCreditsError: The account has fewer credits.
        BudgetExceededError: The account would exceed a budget.
        UnavailableError: The ledger is unavailable.
    """
    try:
        account = await ledger.account(caller.account)
    except LedgerError as error:
        raise refusal(error) from error
    over, available = exceeded(account.windows, model, amount), account.available
    if over is not None:
        raise refusal(BudgetExceededError(over, amount))
    if available is not None and available < amount:
        raise refusal(InsufficientCreditsError(amount, available))
    return account


@traced("hold")
async def _take(caller: Caller, request: HoldRequest, ledger: Ledger) -> Hold | Replay:
    try:
        return await ledger.hold(caller, request)
    except IdempotencyReplayError as error:
        return Replay(error.request_id, str(error))
    except LedgerError as error:
        raise refusal(error) from error


def refusal(error: LedgerError) -> errors.GatewayError:
    """Return the error that a client gets where the ledger refuses to hold its credits."""
    match error:
        case InsufficientCreditsError():
            return errors.InsufficientCreditsError.of(error.required, error.available)
        case BudgetExceededError():
            BUDGET_REFUSALS.labels(error.budget.window).inc()
            return budget_exceeded(error.window, error.needed)
        case RateLimitedError():
            seconds = math.ceil(error.retry_after_seconds)
            return errors.RateLimitError(str(error), retry=True, retry_after_seconds=seconds)
        case JobQueueFullError():
            seconds = math.ceil(error.retry_after_seconds)
            return errors.JobQueueFullError(str(error), retry=True, retry_after_seconds=seconds)
        case IdempotencyInProgressError():
            code = "idempotency_in_progress"
            return errors.ConflictError(str(error), code=code, retry_after_seconds=5)
        case IdempotencyMismatchError():
            return errors.ConflictError(str(error), code="idempotency_mismatch")
        case IdempotencyOutcomeUnknownError():
            return errors.ConflictError(str(error), code="idempotency_outcome_unknown")
        case LedgerUnavailableError():
            return errors.ledger_unavailable()
    return errors.AuthenticationError(
        str(error)
    )  # the account was deleted after the authentication


async def _give_back(hold: Hold, cause: BaseException, ledger: Ledger) -> None:
    """Release a hold. A failure is only logged, because the hold expires by itself.

    Only a GatewayError tells whether the provider may have made an image. After a disconnect or a
    defect, the outcome of the cancelled call is unknown.
    """
    unknown = not isinstance(cause, errors.GatewayError) or cause.may_have_cost
    has_left = isinstance(cause, asyncio.CancelledError | GeneratorExit)
    reason = "client left" if has_left else getattr(cause, "code", None) or type(cause).__name__
    try:
        await ledger.release(hold, reason, outcome_unknown=unknown)
    except HoldClosedError:
        pass  # it was settled by an attempt whose response was lost
    except LedgerError as error:
        log.warning("hold not released", extra={"hold": hold.id, "error": str(error)})
