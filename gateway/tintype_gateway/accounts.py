"""The values of the ledger's operations: accounts, keys, callers, holds and settlements."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Profile = Literal["router", "openai"]
"""The response profile: `router` has all fields, `openai` only OpenAI's values."""

PROFILES: tuple[Profile, ...] = get_args(Profile)

MAXIMUM_RATE = 1_000_000
"""The highest rate limit, per minute."""

DEFAULT_CALLS = 600
"""The default limit of calls per minute."""


@dataclass(frozen=True)
class Policy:
    """The limits of an account, apart from its credits.

    Raises:
        ValueError: a rate is not 1 to a million, or the profile does not exist.
    """

    models: frozenset[str] | None = None
    """The ids of the models that the account may use; None: all."""

    requests_per_minute: int | None = None
    """None: no limit."""

    images_per_minute: int | None = None
    """None: no limit."""

    response_profile: Profile | None = None
    """The response profile of requests that name none; None: the gateway's default."""
    calls_per_minute: int | None = None
    """Calls of any kind. None: ten times `requests_per_minute`, or 600 without that limit."""

    @property
    def most_calls_per_minute(self) -> int:
        """The most calls of any kind per minute and gateway."""
        if self.calls_per_minute is not None:
            return self.calls_per_minute
        return DEFAULT_CALLS if self.requests_per_minute is None else 10 * self.requests_per_minute

    def caller(self, account: str, key_id: str) -> "Caller":
        """Return the caller for a key or token of an account with this policy."""
        return Caller(
            account, key_id, self.models, self.response_profile, self.most_calls_per_minute
        )

    def __post_init__(self) -> None:
        for rate in (self.requests_per_minute, self.images_per_minute, self.calls_per_minute):
            if rate is not None and not 1 <= rate <= MAXIMUM_RATE:
                raise ValueError(f"a rate must be 1 to {MAXIMUM_RATE} a minute, not {rate}")
        if self.response_profile not in (None, *PROFILES):
            raise ValueError(f"a response profile is one of {', '.join(PROFILES)}")


UNRESTRICTED = Policy()
"""The default policy."""


@dataclass(frozen=True)
class Account:
    """A snapshot of an account. Amounts are micro-credits."""

    name: str
    unlimited: bool
    balance: int
    held: int
    policy: Policy = UNRESTRICTED

    @property
    def available(self) -> int | None:
        """The credits for further requests, negative after a late settlement; None: no limit."""
        return None if self.unlimited else self.balance - self.held


@dataclass(frozen=True)
class ApiKey:
    """An issued key, without its secret, which is not stored. Times are UTC."""

    id: str
    account: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Caller:
    """The account and the key of a request."""

    account: str
    key_id: str
    models: frozenset[str] | None = None
    """As :attr:`Policy.models` of the account."""

    response_profile: Profile | None = None
    """As :attr:`Policy.response_profile` of the account."""
    calls_per_minute: int = DEFAULT_CALLS
    """As :attr:`Policy.most_calls_per_minute` of the account."""

    def may_use(self, model: str) -> bool:
        """Return whether the account's allow-list contains a model's id."""
        return self.models is None or model in self.models


@dataclass(frozen=True)
class Idempotency:
    """The client's idempotency key of a request, and a digest of the request's body."""

    key: str
    request_digest: str


HOLD_LIFETIME_SECONDS = 60
"""The default lifetime of a hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldRequest:
    """The request of a caller for a hold."""

    request_id: str
    amount: int
    """The ceiling of the cost, in micro-credits."""

    images: int = 1
    """The number of requested images, which counts for the account's rate limit."""

    model: str
    provider: str
    lifetime_seconds: float = HOLD_LIFETIME_SECONDS
    """The lifetime of the hold without renewal. Its owner renews it every third of that."""

    idempotency: Idempotency | None = None


@dataclass(frozen=True)
class Hold:
    """Micro-credits set aside for one request."""

    id: str
    account: str
    amount: int


@dataclass(frozen=True)
class Settlement:
    """The result of settling a hold. Amounts are micro-credits."""

    charged: int
    available: int | None
    """The remaining credits, as in :attr:`Account.available`."""
    late: bool
    """Whether the hold had expired before: its credits may have been spent again."""
    excess: int
    """The cost above the hold, which is not charged."""


@dataclass(frozen=True)
class Usage:
    """The usage of one model by an account."""

    account: str
    model: str
    requests: int
    images: int
    """The delivered images."""
    charged: int
    """Micro-credits."""


@dataclass(frozen=True)
class Audit:
    """The result of an audit of the whole ledger."""

    accounts: int
    entries: int
    open_holds: int
    expired_holds: int
    """Holds that were neither settled nor released: calls that may be unpaid."""
    unknown_outcomes: int
    """Holds released with an unknown outcome: calls that may be unpaid."""
    late_charges: int
    """Settlements after expiry, which may have taken an account below zero."""
    undelivered_charges: int
    """Charges without a recorded delivery: the response is still being sent, the client
    disconnected,
    or the process was killed."""
    archive_runs: int
    """Finished runs, which have moved old postings to a file."""
    unfinished_archive_runs: int
    """Runs that are under way or were interrupted: the next one completes them."""
    archived_postings: int
    """Postings that runs have deleted, and that are carried forward."""
    problems: tuple[str, ...]
    """One sentence for each contradiction; empty for a consistent ledger."""
