"""The JSON documents of the admin API: what is put, and what is read of accounts, keys and grants.

This is their only definition. The gateway reads requests into them and writes its responses from
them; the operator does the reverse; a gateway with a folder of manifests uses them without HTTP.
Amounts are micro-credits, and times have a time zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, computed_field

from tintype_accounts.account import JobCount, Percent, Rate, ResponseProfile, Window

AUTHOR_HEADER = "X-Tintype-Author"
"""The header in which an operator names what it acts for: the JSON of an `Author`."""

MAXIMUM_REPORT = 200
"""The most changes of one report to the audit log."""

Micro = Annotated[int, Field(ge=0, le=10**15)]
"""An amount of micro-credits."""

Owner = Annotated[str, Field(min_length=1, max_length=512)]
"""An object that describes an account or has a key: `resources.account_owner` or `key_owner`."""

Reason = Annotated[str, Field(min_length=1, max_length=256)]
"""Why credits are granted, for people."""

Detail = Annotated[str, Field(max_length=512)]

Time = Annotated[AwareDatetime, PlainSerializer(datetime.isoformat, when_used="json")]
"""A time with its offset, as `2026-11-29T00:00:00+00:00`."""


class Document(BaseModel):
    """A JSON document with strict types: `true` is no number, and `"yes"` no boolean.

    A gateway refuses fields that it does not know. The operator ignores them when it reads
    responses, as a newer gateway may send more.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class PolicySettings(Document):
    """The limits of an account, apart from its credits. An absent field sets no limit."""

    models: tuple[str, ...] | None = None
    """The ids of the models that the account may use; None: all. In responses they are sorted."""

    requests_per_minute: Rate | None = None
    """None: no limit."""

    images_per_minute: Rate | None = None
    """None: no limit."""

    response_profile: ResponseProfile | None = None
    """None: the gateway's default."""

    calls_per_minute: Rate | None = None
    """None: ten times `requests_per_minute`, or 600 without that limit."""

    queued_jobs: JobCount | None = None
    """The most jobs that wait; None: the gateway's default."""

    running_jobs: JobCount | None = None
    """The most jobs that run at once; None: the gateway's default."""

    webhooks: bool = False
    """Whether its jobs may name a URL that is told how they ended."""

    guardrail_exempt: bool = False
    """Whether its prompts and images are not checked by the policy service."""


class BudgetSettings(Document):
    """The most that an account may spend in each window."""

    window: Window
    """The window, which begins in the account's time zone."""

    limit: Micro
    """The most micro-credits of one window."""

    model: Annotated[str, Field(min_length=1)] | None = None
    """The model of the budget; None: all models together."""

    alerts: tuple[Percent, ...] = ()
    """The percentages of `limit` that are reported, ascending."""


class AccountSettings(Document):
    """All of an account that is decided and not counted."""

    display_name: Annotated[str, Field(max_length=255)] = ""
    """The name for people."""

    suspended: bool = False
    """Whether its requests are refused."""

    unlimited: bool = False
    """Whether it may spend more credits than it has."""

    policy: PolicySettings = PolicySettings()
    """Its limits, apart from credits."""

    time_zone: str = "UTC"
    """The IANA name of the time zone of its budgets."""

    budgets: tuple[BudgetSettings, ...] = ()
    """One for each window and model, in the order of windows and models."""

    deletion_policy: Literal["retain", "suspend"] = "retain"
    """What a release does to the account beside taking its owner away."""


class OwnedSettings(AccountSettings):
    """The body of `PUT /accounts/{name}`."""

    owner: Owner | None = None
    """The object that describes the account; None: no object, as for an account made by hand."""


class WindowState(Document):
    """The current window of a budget."""

    window: Window
    """The window of the budget."""

    model: str | None = None
    """The model of the budget; None: all models together."""

    limit: int
    """The most micro-credits of the window."""

    start: Time
    """The beginning of the window."""

    end: Time
    """The first moment after the window."""

    spent: int
    """The micro-credits that were spent, or are held for running requests."""

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated property
    @property
    def remaining(self) -> int:
        """The rest of the limit, not below 0: a limit may be lowered."""
        return max(0, self.limit - self.spent)


class AccountState(AccountSettings):
    """An account of the ledger."""

    name: str
    """Its name."""

    owner: str | None = None
    """The object that describes it; None: no object."""

    balance: int = 0
    """Its micro-credits, including held ones."""

    held: int = 0
    """The micro-credits that running requests may still cost."""

    windows: tuple[WindowState, ...] = ()
    """The current window of each budget."""

    @property
    def settings(self) -> AccountSettings:
        """All of it that is decided and not counted."""
        return AccountSettings.model_validate(
            {name: getattr(self, name) for name in AccountSettings.model_fields}
        )


class KeySettings(Document):
    """A key to register, whose secret only its owner has: the body of `PUT /keys/{id}`."""

    account: str
    """The account that pays for its requests."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """The digest of its secret in hexadecimal digits."""

    owner: Owner | None = None
    """The object that the key belongs to; None: no object."""

    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The name for people: the namespace and the name of the object."""

    expires_at: Time | None = None
    """The time when it expires; None: never."""


class KeyState(Document):
    """A key that the ledger knows, without its secret."""

    id: str
    """Its id."""

    account: str
    """The account that pays for its requests."""

    name: str | None = None
    """The name for people."""

    owner: str | None = None
    """The object that the key belongs to; None: no object."""

    created_at: Time
    """The time of its registration."""

    expires_at: Time | None = None
    """The time when it expires; None: never."""

    revoked_at: Time | None = None
    """The time when it was revoked, which may be in the future; None: never."""


class GrantSettings(Document):
    """Credits to grant once for good: the body of `PUT /grants/{reference}`."""

    account: str
    """The account that receives them."""

    micro_credits: Micro
    """The amount."""

    reason: Reason
    """The reason for people."""


class GrantState(Document):
    """A grant that the ledger recorded."""

    reference: str
    """Its name, once for good."""

    account: str
    """The account that received the credits."""

    micro_credits: int
    """The amount."""

    reason: str
    """The reason for people."""

    posting: str
    """The id of its posting."""

    created_at: Time
    """The time when it was recorded."""


class Author(Document):
    """What a change is made for, for the audit log."""

    kind: Literal["resource", "folder"]
    """An object of Kubernetes, or a manifest in a folder."""

    name: Annotated[str, Field(min_length=1, max_length=512)]
    """The kind, the namespace and the name of the object."""

    details: Annotated[Mapping[Detail, Detail], Field(max_length=32)] = {}
    """What else is known: `uid`, `fieldManager`, `generation`."""
