"""Accounts, keys, callers, holds and settlements: what the ledger's operations take and return."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Profile = Literal["router", "openai"]
"""The shape of responses: `router` tells all that is known, `openai` what OpenAI's schema has."""

PROFILES: tuple[Profile, ...] = get_args(Profile)

MAXIMUM_RATE = 1_000_000
"""The most that an account can be allowed a minute."""

DEFAULT_CALLS = 600
"""The calls a minute of an account that has no limit of its own."""


@dataclass(frozen=True)
class Policy:
    """What an account may do, whatever it could pay for.

    Raises:
        ValueError: a rate is not 1 to a million, or there is no such profile.
    """

    models: frozenset[str] | None = None
    """The ids of the models that it may use; None: all."""

    requests_per_minute: int | None = None
    """None: no limit."""

    images_per_minute: int | None = None
    """None: no limit."""

    response_profile: Profile | None = None
    """The shape of its responses where a request names none; None: the gateway's default."""
    calls_per_minute: int | None = None
    """Of any kind. None: ten times `requests_per_minute`, or 600 where that is no limit."""

    @property
    def most_calls_per_minute(self) -> int:
        """How many calls of any kind a gateway serves in a minute."""
        if self.calls_per_minute is not None:
            return self.calls_per_minute
        return DEFAULT_CALLS if self.requests_per_minute is None else 10 * self.requests_per_minute

    def caller(self, account: str, key_id: str) -> "Caller":
        """Return who uses a key or a token of an account with this policy."""
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
"""The policy of an account of which nothing else was said."""


@dataclass(frozen=True)
class Account:
    """Who pays, as of one moment. Amounts are micro-credits."""

    name: str
    unlimited: bool
    balance: int
    held: int
    policy: Policy = UNRESTRICTED

    @property
    def available(self) -> int | None:
        """What the next request may cost, negative after a late settlement; None: no limit."""
        return None if self.unlimited else self.balance - self.held


@dataclass(frozen=True)
class ApiKey:
    """An issued key, without its secret, which nobody can read again. Times are UTC."""

    id: str
    account: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and by which key."""

    account: str
    key_id: str
    models: frozenset[str] | None = None
    """As :attr:`Policy.models` of the account."""

    response_profile: Profile | None = None
    """As :attr:`Policy.response_profile` of the account."""
    calls_per_minute: int = DEFAULT_CALLS
    """As :attr:`Policy.most_calls_per_minute` of the account."""

    def may_use(self, model: str) -> bool:
        """Say whether the account's allow-list has the id of a model."""
        return self.models is None or model in self.models


@dataclass(frozen=True)
class Idempotency:
    """The client's key for one intended request, and a digest of that request's body."""

    key: str
    request_digest: str


@dataclass(frozen=True)
class Hold:
    """Micro-credits set aside for one request."""

    id: str
    account: str
    amount: int


@dataclass(frozen=True)
class Settlement:
    """How a hold was charged. Amounts are micro-credits."""

    charged: int
    available: int | None
    """What the account has left, as in :attr:`Account.available`."""
    late: bool
    """The hold had expired before: its credits may have been spent again."""
    excess: int
    """What the request cost above its hold. It is not charged: it is our loss."""


@dataclass(frozen=True)
class Usage:
    """What an account was charged for one model."""

    account: str
    model: str
    requests: int
    images: int
    """Those that were delivered."""
    charged: int
    """Micro-credits."""


@dataclass(frozen=True)
class Audit:
    """What a check of the whole ledger found."""

    accounts: int
    entries: int
    open_holds: int
    expired_holds: int
    """Holds whose owner neither settled nor released them: calls that may have gone unpaid."""
    unknown_outcomes: int
    """Holds released without knowing whether the provider did the work: as the expired ones."""
    late_charges: int
    """Settlements after expiry, which may have taken an account below zero."""
    undelivered_charges: int
    """Charges whose answer was not reported as delivered: of requests whose answer is on its way,
    whose client left, or whose process was killed."""
    problems: tuple[str, ...]
    """One sentence for each contradiction; none in a sound ledger."""
