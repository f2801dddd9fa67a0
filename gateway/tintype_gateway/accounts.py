"""The values of the ledger's operations on accounts and keys. Those of holds are in `holds`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from tintype_accounts import account

Window = account.Window

WINDOWS = account.WINDOWS

Profile = account.ResponseProfile

PROFILES: tuple[Profile, ...] = get_args(Profile)

MAXIMUM_RATE = account.MAXIMUM_RATE

MAXIMUM_JOBS = account.MAXIMUM_JOBS

DEFAULT_CALLS = 600
"""The default limit of calls per minute."""


@dataclass(frozen=True)
class Policy:
    """The limits of an account, apart from its credits.

    Raises:
        ValueError: a rate or a number of jobs is not 1 to a million, or the profile does not exist.
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

    queued_jobs: int | None = None
    """The most jobs that wait. None: the gateway's default."""

    running_jobs: int | None = None
    """The most jobs that run at once, in all gateways together. None: the gateway's default."""

    webhooks: bool = False
    """Whether its jobs may name a URL that is told how they ended."""

    guardrail_exempt: bool = False
    """Whether its prompts and images are not checked by the policy service."""

    @property
    def most_calls_per_minute(self) -> int:
        """The most calls of any kind per minute and gateway."""
        if self.calls_per_minute is not None:
            return self.calls_per_minute
        return DEFAULT_CALLS if self.requests_per_minute is None else 10 * self.requests_per_minute

    def caller(self, account: str, key_id: str) -> "Caller":
        """Return the caller for a key or token of an account with this policy."""
        return Caller(
            account,
            key_id,
            self.models,
            self.response_profile,
            self.most_calls_per_minute,
            self.webhooks,
            self.guardrail_exempt,
        )

    def __post_init__(self) -> None:
        for rate in (self.requests_per_minute, self.images_per_minute, self.calls_per_minute):
            if rate is not None and not 1 <= rate <= MAXIMUM_RATE:
                raise ValueError(f"a rate must be 1 to {MAXIMUM_RATE} a minute, not {rate}")
        for jobs in (self.queued_jobs, self.running_jobs):
            if jobs is not None and not 1 <= jobs <= MAXIMUM_JOBS:
                raise ValueError(f"a number of jobs must be 1 to {MAXIMUM_JOBS}, not {jobs}")
        if self.response_profile not in (None, *PROFILES):
            raise ValueError(f"a response profile is one of {', '.join(PROFILES)}")


UNRESTRICTED = Policy()
"""The default policy."""


@dataclass(frozen=True)
class Budget:
    """The most that an account may spend in each window, for all models or for one.

    Raises:
        ValueError: the window does not exist, the limit is negative, the model has no name, or the
            alerts are not ascending percentages from 1 to 100.
    """

    window: Window
    limit: int
    """Micro-credits."""
    model: str | None = None
    """The id of the model that it is for; None: all together."""
    alerts: tuple[int, ...] = ()
    """The percentages of the limit that are worth an alert once they are charged."""

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise ValueError(f"the window of a budget is one of {', '.join(WINDOWS)}")
        if self.limit < 0:
            raise ValueError(f"a budget must be 0 micro-credits or more, not {self.limit}")
        if self.model == "":
            raise ValueError("a budget is for a model with a name, or for all")
        if list(self.alerts) != sorted(set(self.alerts) & set(range(1, 101))):
            raise ValueError("the alerts of a budget are ascending percentages from 1 to 100")

    def counts(self, model: str) -> bool:
        """Return whether requests for this model count."""
        return self.model in (None, model)


@dataclass(frozen=True)
class WindowSpent:
    """What an account has spent of a budget in the current window."""

    budget: Budget
    start: datetime
    """The first moment of the window. Both times have the account's time zone."""
    end: datetime
    """The first moment after it."""
    spent: int
    """Micro-credits: charges, and the ceilings of requests that are still running."""

    @property
    def remaining(self) -> int:
        """The rest of the budget, in micro-credits: not below 0, as a limit may be lowered."""
        return max(0, self.budget.limit - self.spent)


DeletionPolicy = Literal["retain", "suspend"]
"""What becomes of an account when its owner gives it up: it stays as it is, or is suspended."""

MAXIMUM_DISPLAY_NAME_LENGTH = 255


@dataclass(frozen=True, kw_only=True)
class AccountSpec:
    """All of an account that is decided and not counted: `Ledger.put_account` replaces it.

    Raises:
        ValueError: the display name is too long or not printable.
    """

    display_name: str = ""
    suspended: bool = False
    unlimited: bool = False
    policy: Policy = UNRESTRICTED
    deletion_policy: DeletionPolicy = "retain"
    """What `Ledger.release_account` does."""

    time_zone: str = "UTC"
    """As :attr:`Account.time_zone`."""

    budgets: tuple[Budget, ...] = ()

    def __post_init__(self) -> None:
        if len(self.display_name) > MAXIMUM_DISPLAY_NAME_LENGTH or (
            not self.display_name.isprintable()
        ):
            raise ValueError(
                f"a display name has at most {MAXIMUM_DISPLAY_NAME_LENGTH} printable characters"
            )


@dataclass(frozen=True)
class Account:
    """A snapshot of an account. Amounts are micro-credits."""

    name: str
    unlimited: bool
    balance: int
    held: int
    policy: Policy = UNRESTRICTED
    time_zone: str = "UTC"
    """The IANA time zone of its windows."""
    budgets: tuple[Budget, ...] = ()
    windows: tuple[WindowSpent, ...] = ()
    """The current window of each budget, in the same order: of accounts that were read, or whose
    budgets were set."""

    display_name: str = ""
    suspended: bool = False
    """Whether its keys and tokens are refused."""

    owner: str | None = None
    """What describes the account, such as a resource of a cluster; None: nothing does."""

    deletion_policy: DeletionPolicy = "retain"
    """See :attr:`AccountSpec.deletion_policy`."""

    @property
    def spec(self) -> AccountSpec:
        """All of it that is decided and not counted."""
        return AccountSpec(
            display_name=self.display_name,
            suspended=self.suspended,
            unlimited=self.unlimited,
            policy=self.policy,
            deletion_policy=self.deletion_policy,
            time_zone=self.time_zone,
            budgets=self.budgets,
        )

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
    owner: str | None = None
    """What registered the key, such as a resource of a cluster; None: it was made by the ledger."""

    name: str | None = None
    """A name for people."""


@dataclass(frozen=True)
class Grant:
    """Credits that an account got once for good, by a reference."""

    reference: str
    account: str
    micro: int
    reason: str
    posting: str
    """The id of the posting."""

    created_at: datetime


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

    webhooks: bool = False
    """As :attr:`Policy.webhooks` of the account."""

    guardrail_exempt: bool = False
    """As :attr:`Policy.guardrail_exempt` of the account."""

    def may_use(self, model: str) -> bool:
        """Return whether the account's allow-list contains a model's id."""
        return self.models is None or model in self.models


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
    or the process was killed. Those of jobs are delivered when their images are stored."""
    queued_jobs: int
    running_jobs: int
    archive_runs: int
    """Finished runs, which have moved old postings to a file."""
    unfinished_archive_runs: int
    """Runs that are under way or were interrupted: the next one completes them."""
    archived_postings: int
    """Postings that runs have deleted, and that are carried forward."""
    problems: tuple[str, ...]
    """One sentence for each contradiction; empty for a consistent ledger."""
