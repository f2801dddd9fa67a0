"""The spec of an Account: who pays, what it may use, and how much it may spend."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from tintype_accounts.amounts import Credits
from tintype_accounts.references import LedgerName, check_ledger_name
from tintype_catalog.contract import Contract, ModelId, cel

Window = Literal["day", "week", "month"]
"""A period of an account's own calendar; a week begins on Monday."""

WINDOWS: tuple[Window, ...] = get_args(Window)

DeletionPolicy = Literal["Retain", "Suspend"]

ResponseProfile = Literal["router", "openai"]
"""`router` has all fields of a response, `openai` only OpenAI's values."""

MAXIMUM_RATE = 1_000_000
"""The highest limit per minute."""

Rate = Annotated[int, Field(ge=1, le=MAXIMUM_RATE)]
"""A limit per minute."""

MAXIMUM_JOBS = 1_000_000
"""The highest limit of jobs that wait, or that run at once."""

JobCount = Annotated[int, Field(ge=1, le=MAXIMUM_JOBS)]
"""A limit of jobs."""

Percent = Annotated[int, Field(ge=1, le=100)]

_NAME_IS_FIXED = "`accountName` cannot be changed: create another Account"
_ONE_BUDGET_EACH = "only one budget for each `window` and `model`"
_DISTINCT_ALERTS = "`alertPercents` must be distinct"


def _known_zone(name: str) -> str:
    if name != "UTC":  # also where the machine has no time zones at all
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("must be an IANA time zone such as Europe/Berlin") from error
    return name


TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+/-]*$", min_length=1, max_length=64),
    AfterValidator(_known_zone),
]
"""The IANA name of a time zone that this machine knows."""


class AccountLimits(Contract):
    """The most requests of an account in a minute, and the most jobs. An absent field of requests
    or images sets no limit."""

    requests_per_minute: Rate | None = None
    """The most requests for images in a minute."""

    images_per_minute: Rate | None = None
    """The most images in a minute."""

    calls_per_minute: Rate | None = None
    """The most calls of any kind in a minute and gateway. The default is ten times
    `requestsPerMinute`, or 600 without that limit."""

    queued_jobs: JobCount | None = None
    """The most jobs that wait. The default is the gateway's."""

    running_jobs: JobCount | None = None
    """The most jobs that run at once, in all gateways together. The default is the gateway's."""


class AccountWebhooks(Contract):
    """The webhooks of an account's jobs."""

    allowed: bool = False
    """Whether jobs may name a URL, which gets a message when they have ended. The account needs a
    secret that signs them: `tintype accounts webhook-secrets create`."""


class AccountGuardrail(Contract):
    """How the gateways' policy service treats an account."""

    exempt: bool = False
    """Whether the prompts and images of the account are not checked, where the gateways have a
    policy service."""


class BudgetSpec(Contract):
    """The most that an account may spend in a day, a week or a month."""

    model_config = cel(
        (
            "!has(self.alertPercents) || "
            "self.alertPercents.all(each, self.alertPercents.exists_one(other, other == each))",
            _DISTINCT_ALERTS,
        )
    )

    window: Window
    """The window that the budget is for. A day begins at midnight in `timeZone`, a week on Monday,
    a month on its first day."""

    credits: Credits
    """The most credits of one window, as a decimal string. Requests beyond them get status 402."""

    model: ModelId | None = None
    """The id of the model that the budget is for. The default is all models together."""

    alert_percents: Annotated[tuple[Percent, ...], Field(max_length=10)] = ()
    """The percentages of `credits` at which an alert is reported, once for each window."""

    @model_validator(mode="after")
    def _alerts_are_distinct(self) -> Self:
        if len(set(self.alert_percents)) < len(self.alert_percents):
            raise ValueError(_DISTINCT_ALERTS)
        return self


class AccountSpec(Contract):
    """An account of the ledger. Its credits come from CreditGrants, or from the admin API."""

    model_config = cel(
        (
            "has(self.accountName) == has(oldSelf.accountName) && "
            "(!has(self.accountName) || self.accountName == oldSelf.accountName)",
            _NAME_IS_FIXED,
        ),
        (
            "!has(self.budgets) || self.budgets.all(each, self.budgets.exists_one(other, "
            "other.window == each.window && has(other.model) == has(each.model) && "
            "(!has(each.model) || other.model == each.model)))",
            _ONE_BUDGET_EACH,
        ),
    )

    account_name: LedgerName | None = None
    """The name of the account in the ledger, if it is not the name of the object. An existing
    account that no other object describes is adopted with its credits and keys. Immutable."""

    display_name: Annotated[str, Field(max_length=128)] = ""
    """The name for people."""

    models: Annotated[tuple[ModelId, ...], Field(min_length=1, max_length=256)] | None = None
    """The ids of the models that the account may use. The default is all models."""

    limits: AccountLimits = AccountLimits()
    """The most requests in a minute, and the most jobs."""

    webhooks: AccountWebhooks = AccountWebhooks()
    """The webhooks of its jobs."""

    guardrail: AccountGuardrail = AccountGuardrail()
    """Whether the gateways' policy service checks its requests."""

    budgets: Annotated[tuple[BudgetSpec, ...], Field(max_length=32)] = ()
    """The most that the account may spend in a day, a week or a month."""

    time_zone: TimeZone = "UTC"
    """The time zone in which the windows of budgets begin, by its IANA name, such as
    `Europe/Berlin`. The default is `UTC`."""

    unlimited: bool = False
    """Whether the account may spend more credits than it has. Budgets apply to it, too."""

    suspended: bool = False
    """Whether requests of the account are refused with status 403. Running ones end."""

    response_profile: ResponseProfile | None = None
    """The response profile of requests that name none. The default is the gateway's."""

    deletion_policy: DeletionPolicy = "Retain"
    """What happens to the account in the ledger when the object is deleted. `Retain` keeps it as it
    is, and `Suspend` suspends it. Its credits and its charges are kept in both cases."""

    def unknown_models(self, known: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield each field that names models that are not known, and a warning that names them."""
        for field, named in (
            ("spec.models", self.models or ()),
            ("spec.budgets", [budget.model for budget in self.budgets if budget.model]),
        ):
            if unknown := sorted({*named} - {*known}):
                yield field, f"the catalog has no model {', '.join(f'`{id}`' for id in unknown)}"

    @model_validator(mode="after")
    def _budgets_are_distinct(self) -> Self:
        each = Counter((budget.window, budget.model) for budget in self.budgets)
        if any(count > 1 for count in each.values()):
            raise ValueError(_ONE_BUDGET_EACH)
        if self.account_name is not None:
            check_ledger_name(self.account_name)
        return self
