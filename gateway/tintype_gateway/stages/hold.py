"""Can the caller pay for the most that this could cost?"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tintype_gateway import errors
from tintype_gateway.ledger.errors import (
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    IdempotencyReplayError,
    InsufficientCreditsError,
    LedgerError,
    LedgerUnavailableError,
)
from tintype_gateway.ledger.interface import Caller, Hold, Idempotency, Ledger

log = logging.getLogger(__name__)

GRACE_SECONDS = 60
"""How long a hold outlives the deadline of the call that it pays for."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a hold is for."""

    request_id: str
    amount: int
    """The ceiling, in micro-credits."""

    model: str
    provider: str
    deadline_seconds: float
    idempotency: Idempotency | None = None


@asynccontextmanager
async def held(caller: Caller, purchase: Purchase, ledger: Ledger) -> AsyncIterator[Hold]:
    """Hold credits while the block runs. A block that fails or is cancelled gives them back.

    Raises:
        InsufficientCreditsError: The account has less.
        ConflictError: The idempotency key belongs to another request.
        UnavailableError: The ledger cannot be used, so that nothing was bought.
    """
    hold = await _take(caller, purchase, ledger)
    try:
        yield hold
    except BaseException as error:
        await _give_back(hold, type(error).__name__, ledger)
        raise


async def _take(caller: Caller, purchase: Purchase, ledger: Ledger) -> Hold:
    try:
        return await ledger.hold(
            caller,
            purchase.amount,
            request_id=purchase.request_id,
            model=purchase.model,
            provider=purchase.provider,
            lifetime_seconds=purchase.deadline_seconds + GRACE_SECONDS,
            idempotency=purchase.idempotency,
        )
    except InsufficientCreditsError as error:
        raise errors.InsufficientCreditsError(
            f"the request may cost up to {error.required} micro-credits, "
            f"and the account has {error.available}"
        ) from error
    except IdempotencyMismatchError as error:
        raise errors.ConflictError(str(error), code="idempotency_mismatch") from error
    except IdempotencyInProgressError as error:
        raise errors.ConflictError(
            str(error), code="idempotency_in_progress", retry_after_seconds=5
        ) from error
    except IdempotencyReplayError as error:
        raise errors.ConflictError(str(error), code="idempotency_replay_unavailable") from error
    except LedgerUnavailableError as error:
        raise errors.ledger_unavailable() from error


async def _give_back(hold: Hold, reason: str, ledger: Ledger) -> None:
    """Release a hold. Where that fails it expires by itself, so the first error stays the one."""
    try:
        await ledger.release(hold, reason)
    except LedgerError as error:
        log.warning("hold not released", extra={"hold": hold.id, "error": str(error)})
