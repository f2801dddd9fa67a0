"""Can the caller pay for the most that this could cost?"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tintype_gateway import errors
from tintype_gateway.ledger.errors import (
    HoldClosedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyOutcomeUnknownError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    LedgerError,
    LedgerUnavailableError,
    RateLimitedError,
)
from tintype_gateway.ledger.interface import Caller, Hold, Idempotency, Ledger
from tintype_gateway.observability.metrics import HOLDS_OUTSTANDING
from tintype_gateway.observability.spans import traced

log = logging.getLogger(__name__)

LIFETIME_SECONDS = 60
"""How long a hold outlives its owner. A living owner renews it every third of that."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a hold is for."""

    request_id: str
    amount: int
    """The ceiling, in micro-credits."""

    images: int
    model: str
    provider: str
    idempotency: Idempotency | None = None


@asynccontextmanager
async def held(caller: Caller, purchase: Purchase, ledger: Ledger) -> AsyncIterator[Hold]:
    """Hold credits while the block runs. A block that fails or is cancelled gives them back.

    Raises:
        InsufficientCreditsError: The account has less.
        RateLimitError: The account may not ask for so much in a minute.
        ConflictError: The idempotency key belongs to another request.
        AlreadyServedError: It belongs to this one, which was charged before.
        UnavailableError: The ledger cannot be used, so that nothing was bought.
    """
    hold = await _take(caller, purchase, ledger)
    HOLDS_OUTSTANDING.inc()
    renewal = _Renewal(hold, ledger)
    try:
        yield hold
    except BaseException as error:
        await _give_back(hold, error, ledger)
        raise
    finally:
        renewal.end()
        HOLDS_OUTSTANDING.dec()


@traced("hold")
async def _take(caller: Caller, purchase: Purchase, ledger: Ledger) -> Hold:
    try:
        return await ledger.hold(
            caller,
            purchase.amount,
            request_id=purchase.request_id,
            model=purchase.model,
            provider=purchase.provider,
            lifetime_seconds=LIFETIME_SECONDS,
            images=purchase.images,
            idempotency=purchase.idempotency,
        )
    except LedgerError as error:
        raise _refusal(error) from error


def _refusal(error: LedgerError) -> errors.GatewayError:
    match error:
        case InsufficientCreditsError():
            return errors.InsufficientCreditsError(
                f"the request may cost up to {error.required} micro-credits, "
                f"and the account has {error.available}"
            )
        case RateLimitedError():
            seconds = math.ceil(error.retry_after_seconds)
            return errors.RateLimitError(str(error), retry=True, retry_after_seconds=seconds)
        case IdempotencyInProgressError():
            code = "idempotency_in_progress"
            return errors.ConflictError(str(error), code=code, retry_after_seconds=5)
        case IdempotencyMismatchError():
            return errors.ConflictError(str(error), code="idempotency_mismatch")
        case IdempotencyOutcomeUnknownError():
            return errors.ConflictError(str(error), code="idempotency_outcome_unknown")
        case IdempotencyReplayError():
            return errors.AlreadyServedError(str(error), error.request_id)
        case LedgerUnavailableError():
            return errors.ledger_unavailable()
    return errors.AuthenticationError(str(error))  # the account was closed since it was asked


class _Renewal:
    """Keeps a hold alive until its owner ends, so that only that of a dead process ever expires.

    Most requests end before the first renewal is due: until then it is a timer, and no task.
    """

    def __init__(self, hold: Hold, ledger: Ledger) -> None:
        self._hold = hold
        self._ledger = ledger
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LIFETIME_SECONDS / 3, self._begin)

    def end(self) -> None:
        """Let the hold expire, if it is not settled or released."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            try:
                await self._ledger.renew(self._hold, LIFETIME_SECONDS)
            except HoldClosedError:
                return
            except LedgerError as error:
                log.warning("hold not renewed", extra={"hold": self._hold.id, "error": str(error)})
            await asyncio.sleep(LIFETIME_SECONDS / 3)


async def _give_back(hold: Hold, cause: BaseException, ledger: Ledger) -> None:
    """Release a hold. Where that fails it expires by itself, so the first error stays the one.

    Only an error of ours says whether the provider may have made an image. A client that left
    cancelled a call that the provider may have carried out, and so did a defect.
    """
    unknown = not isinstance(cause, errors.GatewayError) or cause.may_have_cost
    reason = getattr(cause, "code", None) or type(cause).__name__
    try:
        await ledger.release(hold, reason, outcome_unknown=unknown)
    except HoldClosedError:
        pass  # it was settled: a stream charges for what it sent before it broke off
    except LedgerError as error:
        log.warning("hold not released", extra={"hold": hold.id, "error": str(error)})
