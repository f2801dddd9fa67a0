"""What to do for an Account."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from tintype_accounts.account import WINDOWS, AccountSpec
from tintype_accounts.amounts import credits_text, micro_credits
from tintype_accounts.backend import AccountsBackend
from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    Author,
    BudgetSettings,
    PolicySettings,
    WindowState,
)
from tintype_accounts.planning.actions import Plan, Planner, PutAccount, converge
from tintype_accounts.planning.conditions import NEVER, WORKING, Since, Verdict
from tintype_accounts.resources import Account, account_owner
from tintype_accounts.status import AccountStatus, WindowStatus
from tintype_catalog.conditions import timestamp

_READY = Verdict("ready", "Ready", "The ledger has the account as described.")
_SUSPENDED = Verdict("ready", "Suspended", "The account is suspended, as described.")


def plan_account(
    account: Account,
    state: AccountState | None,
    now: datetime,
    *,
    owner: str,
    before: Since = NEVER,
    models: Collection[str] | None = None,
) -> Plan[AccountStatus]:
    """Return what to do for an Account.

    Args:
        account: The object.
        state: The account `account.account_name` in the ledger, None if there is none.
        now: The time.
        owner: The name of the operator or folder.
        before: The transition times of the object's conditions.
        models: The ids of the catalog's models, None if they are not known.
    """
    mine = account_owner(owner, account.metadata.namespace, account.metadata.name)
    wanted = settings_of(account.spec)
    status = _status(account, state)
    planner = Planner(account.metadata.generation, now, before)
    if state is not None and state.owner not in (None, mine):
        verdict = _owned_by_another(account.account_name, str(state.owner))
        return planner.plan(AccountStatus(account_name=account.account_name), verdict)
    if state is None or state.owner is None or ordered(state.settings) != wanted:
        return planner.plan(status, WORKING, PutAccount(account.account_name, wanted, mine))
    verdict = _SUSPENDED if wanted.suspended else _READY
    return planner.plan(status, _with_warnings(verdict, account.spec, models))


async def converge_account(
    account: Account,
    backend: AccountsBackend,
    clock: Callable[[], datetime],
    *,
    owner: str,
    author: Author,
    before: Since = NEVER,
    models: Collection[str] | None = None,
) -> Plan[AccountStatus]:
    """Carry out the plans of an Account until there is nothing to do, and return the last one.

    Raises:
        BackendError: As `actions.converge`.
    """

    async def plan() -> Plan[AccountStatus]:
        state = await backend.account(account.account_name)
        return plan_account(account, state, clock(), owner=owner, before=before, models=models)

    return await converge(plan, backend, author=author)


def settings_of(spec: AccountSpec) -> AccountSettings:
    """Return the settings of the ledger that a spec means."""
    return ordered(
        AccountSettings(
            display_name=spec.display_name,
            suspended=spec.suspended,
            unlimited=spec.unlimited,
            policy=PolicySettings(
                models=spec.models,
                requests_per_minute=spec.limits.requests_per_minute,
                images_per_minute=spec.limits.images_per_minute,
                calls_per_minute=spec.limits.calls_per_minute,
                response_profile=spec.response_profile,
                queued_jobs=spec.limits.queued_jobs,
                running_jobs=spec.limits.running_jobs,
                webhooks=spec.webhooks.allowed,
                guardrail_exempt=spec.guardrail.exempt,
            ),
            time_zone=spec.time_zone,
            budgets=tuple(
                BudgetSettings(
                    window=budget.window,
                    limit=micro_credits(budget.credits),
                    model=budget.model,
                    alerts=budget.alert_percents,
                )
                for budget in spec.budgets
            ),
            deletion_policy="suspend" if spec.deletion_policy == "Suspend" else "retain",
        )
    )


def ordered(settings: AccountSettings) -> AccountSettings:
    """Return settings whose lists have one order, so that equal settings are equal values."""
    policy = settings.policy
    models = None if policy.models is None else tuple(sorted(set(policy.models)))
    budgets = [
        budget.model_copy(update={"alerts": tuple(sorted(budget.alerts))})
        for budget in settings.budgets
    ]
    budgets.sort(key=lambda budget: (WINDOWS.index(budget.window), budget.model or ""))
    return settings.model_copy(
        update={
            "policy": policy.model_copy(update={"models": models}),
            "budgets": tuple(budgets),
        }
    )


def _with_warnings(verdict: Verdict, spec: AccountSpec, models: Collection[str] | None) -> Verdict:
    """Add what is valid and likely a mistake: a model may also come later."""
    if models is None:
        return verdict
    warnings = [f" Warning: `{field}`: {text}." for field, text in spec.unknown_models(models)]
    return replace(verdict, message=verdict.message + "".join(warnings))


def _status(account: Account, state: AccountState | None) -> AccountStatus:
    if state is None:
        return AccountStatus(account_name=account.account_name)
    return AccountStatus(
        account_name=account.account_name,
        balance=credits_text(state.balance),
        held=credits_text(state.held),
        windows=tuple(_window(each) for each in state.windows),
    )


def _window(state: WindowState) -> WindowStatus:
    return WindowStatus(
        window=state.window,
        model=state.model,
        credits=credits_text(state.limit),
        spent=credits_text(state.spent),
        ends_at=timestamp(state.end),
    )


def _owned_by_another(name: str, owner: str) -> Verdict:
    message = (
        f"The account `{name}` of the ledger is described by another object, `{owner}`, and stays "
        "as it is. Delete that object, or create this one anew with another `accountName`."
    )
    return Verdict("stalled", "Conflict", message)
