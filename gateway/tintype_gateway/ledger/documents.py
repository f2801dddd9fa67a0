"""The values of the ledger as documents of the admin API, and back.

The admin API, the audit log and the folder of manifests show the same of an account or a key,
because they all take it from here.
"""

from tintype_accounts.documents import (
    AccountSettings,
    AccountState,
    BudgetSettings,
    GrantState,
    KeyState,
    PolicySettings,
    WindowState,
)
from tintype_gateway.accounts import (
    Account,
    AccountSpec,
    ApiKey,
    Budget,
    Grant,
    Policy,
    WindowSpent,
)


def account_spec(settings: AccountSettings) -> AccountSpec:
    """Return the spec that settings mean.

    Raises:
        ValueError: A text is not printable, or the alerts of a budget do not ascend.
    """
    return AccountSpec(
        display_name=settings.display_name,
        suspended=settings.suspended,
        unlimited=settings.unlimited,
        policy=policy(settings.policy),
        deletion_policy=settings.deletion_policy,
        time_zone=settings.time_zone,
        budgets=tuple(map(budget, settings.budgets)),
    )


def policy(settings: PolicySettings) -> Policy:
    """Return the policy that settings mean."""
    return Policy(
        models=None if settings.models is None else frozenset(settings.models),
        requests_per_minute=settings.requests_per_minute,
        images_per_minute=settings.images_per_minute,
        response_profile=settings.response_profile,
        calls_per_minute=settings.calls_per_minute,
        queued_jobs=settings.queued_jobs,
        running_jobs=settings.running_jobs,
        webhooks=settings.webhooks,
        guardrail_exempt=settings.guardrail_exempt,
    )


def budget(settings: BudgetSettings) -> Budget:
    """Return the budget that settings mean.

    Raises:
        ValueError: The alerts do not ascend.
    """
    return Budget(settings.window, settings.limit, settings.model, settings.alerts)


def account_settings(spec: AccountSpec) -> AccountSettings:
    """Return the settings that a spec means: `account_spec` in reverse."""
    return AccountSettings(
        display_name=spec.display_name,
        suspended=spec.suspended,
        unlimited=spec.unlimited,
        policy=PolicySettings(
            models=None if spec.policy.models is None else tuple(sorted(spec.policy.models)),
            requests_per_minute=spec.policy.requests_per_minute,
            images_per_minute=spec.policy.images_per_minute,
            response_profile=spec.policy.response_profile,
            calls_per_minute=spec.policy.calls_per_minute,
            queued_jobs=spec.policy.queued_jobs,
            running_jobs=spec.policy.running_jobs,
            webhooks=spec.policy.webhooks,
            guardrail_exempt=spec.policy.guardrail_exempt,
        ),
        time_zone=spec.time_zone,
        budgets=tuple(
            BudgetSettings(
                window=each.window, limit=each.limit, model=each.model, alerts=each.alerts
            )
            for each in spec.budgets
        ),
        deletion_policy=spec.deletion_policy,
    )


def account_state(account: Account) -> AccountState:
    """Return the document of an account."""
    return AccountState(
        **dict(account_settings(account.spec)),
        name=account.name,
        owner=account.owner,
        balance=account.balance,
        held=account.held,
        windows=tuple(map(window_state, account.windows)),
    )


def window_state(window: WindowSpent) -> WindowState:
    """Return the document of a budget's current window."""
    return WindowState(
        window=window.budget.window,
        model=window.budget.model,
        limit=window.budget.limit,
        start=window.start,
        end=window.end,
        spent=window.spent,
    )


def key_state(key: ApiKey) -> KeyState:
    """Return the document of a key."""
    return KeyState(
        id=key.id,
        account=key.account,
        name=key.name,
        owner=key.owner,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def grant_state(grant: Grant) -> GrantState:
    """Return the document of a grant."""
    return GrantState(
        reference=grant.reference,
        account=grant.account,
        micro_credits=grant.micro,
        reason=grant.reason,
        posting=grant.posting,
        created_at=grant.created_at,
    )
