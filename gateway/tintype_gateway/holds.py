"""The values of the ledger's holds: what a request sets aside, and what it is charged."""

from dataclasses import field

from tintype_gateway.frozen import frozen_value


@frozen_value(frozen=True)
class Idempotency:
    """The client's idempotency key of a request, and a digest of the request's body."""

    key: str
    request_digest: str


HOLD_LIFETIME_SECONDS = 60
"""The default lifetime of a hold."""


@frozen_value(frozen=True, kw_only=True, slots=True)
class HoldRequest:
    """The request of a caller for a hold."""

    request_id: str
    amount: int
    """The ceiling of the cost, in micro-credits."""

    images: int = 1
    """The number of requested images, which counts for the account's rate limit."""

    model: str
    provider: str
    user: str = ""
    """The end user that the request names, for the usage."""
    lifetime_seconds: float = HOLD_LIFETIME_SECONDS
    """The lifetime of the hold without renewal. Its owner renews it every third of that."""

    idempotency: Idempotency | None = None


@frozen_value(frozen=True)
class Hold:
    """Micro-credits set aside for one request."""

    id: str
    account: str
    amount: int
    budget_remaining: int | None = field(default=None, compare=False)
    """What the tightest budget of the request had left with this hold; None: no budget counts it,
    or this value was read from a settlement journal."""


@frozen_value(frozen=True)
class Settlement:
    """The result of settling a hold. Amounts are micro-credits."""

    charged: int
    available: int | None
    """The remaining credits, as in :attr:`accounts.Account.available`."""
    late: bool
    """Whether the hold had expired before: its credits may have been spent again."""
    excess: int
    """The cost above the hold, which is not charged."""
