"""The response bodies of credits and usage. Amounts are micro-credits."""

import datetime
from collections.abc import Iterable
from typing import Any

from tintype_gateway.errors import BudgetExceededError
from tintype_gateway.ledger.interface import Account, Usage, WindowSpent


def credits_response(
    account: Account, used: Iterable[Usage], since: datetime.date, micro_credits_per_usd: int
) -> dict[str, Any]:
    """Return the body of `GET /v1/credits`."""
    return {
        "object": "credits",
        "account": account.name,
        "unlimited": account.unlimited,
        "balance": account.balance,
        "held": account.held,
        "credits_remaining": account.available,
        "micro_credits_per_usd": micro_credits_per_usd,
        "calls_per_minute": account.policy.most_calls_per_minute,
        "time_zone": account.time_zone,
        "budgets": [window_document(each) for each in account.windows],
        "usage": {"since": since.isoformat(), "models": [usage_of_model(item) for item in used]},
    }


def window_document(window: WindowSpent) -> dict[str, Any]:
    """Return a budget and its current window."""
    return {
        "window": window.budget.window,
        "model": window.budget.model,
        "limit": window.budget.limit,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "spent": window.spent,
        "remaining": window.remaining,
    }


def budget_exceeded(window: WindowSpent, required: int) -> BudgetExceededError:
    """Return the error of a request that may cost more than a budget has left."""
    model, limit = window.budget.model, window.budget.limit
    return BudgetExceededError.of(
        f"the request may cost up to {required} micro-credits, and the account has spent"
        f" {window.spent} of the {limit} that it may spend"
        f" {'' if model is None else f'on {model} '}in a {window.budget.window}:"
        f" the next one begins at {window.end.isoformat()} ({window.end.tzinfo})",
        window_document(window) | {"required": required},
    )


def usage_of_model(usage: Usage) -> dict[str, Any]:
    """Return the usage of one model by an account."""
    return {
        "model": usage.model,
        "requests": usage.requests,
        "images": usage.images,
        "credits_used": usage.charged,
    }
