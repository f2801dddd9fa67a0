"""The response bodies of credits and usage. Amounts are micro-credits."""

import datetime
from collections.abc import Iterable
from typing import Any

from tintype_gateway.ledger.interface import Account, Usage


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
        "usage": {"since": since.isoformat(), "models": [usage_of_model(item) for item in used]},
    }


def usage_of_model(usage: Usage) -> dict[str, Any]:
    """Return the usage of one model by an account."""
    return {
        "model": usage.model,
        "requests": usage.requests,
        "images": usage.images,
        "credits_used": usage.charged,
    }
