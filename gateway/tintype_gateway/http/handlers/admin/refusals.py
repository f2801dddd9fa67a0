"""Turns errors of the ledger into errors of the API."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from tintype_gateway.errors import (
    ConflictError,
    FieldProblem,
    GatewayError,
    NotFoundError,
    ValidationError,
    ledger_unavailable,
)
from tintype_gateway.ledger import errors

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def translated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what the ledger raises into what the API says."""
    try:
        return await handler(request)
    except errors.LedgerError as error:
        raise _refusal(error) from error
    except ValueError as error:
        raise ValidationError([FieldProblem("body", str(error), "invalid_value")]) from error


def _refusal(error: errors.LedgerError) -> GatewayError:
    match error:
        case errors.AccountNotFoundError():
            return NotFoundError(str(error), code="account_not_found")
        case errors.AccountExistsError():
            return ConflictError(str(error), code="account_exists")
        case errors.AccountOwnedError():
            return ConflictError(str(error), code="account_owned")
        case errors.GrantNotFoundError():
            return NotFoundError(str(error), code="grant_not_found")
        case errors.GrantConflictError():
            return ConflictError(str(error), code="grant_conflict")
        case errors.IdempotencyMismatchError():
            return ConflictError(str(error), code="idempotency_mismatch")
        case errors.KeyConflictError():
            return ConflictError(str(error), code="key_conflict")
        case errors.KeyNotFoundError():
            return NotFoundError(str(error), code="key_not_found")
        case errors.InvalidKeyError():
            return ConflictError(str(error), code="key_ended")
        case errors.WebhookSecretLimitError():
            return ConflictError(str(error), code="webhook_secret_limit")
        case errors.WebhookSecretNotFoundError():
            return NotFoundError(str(error), code="webhook_secret_not_found")
        case errors.WebhookNotFoundError():
            return NotFoundError(str(error), code="webhook_not_found")
    return ledger_unavailable()
