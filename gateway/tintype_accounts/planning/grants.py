"""What to do for a CreditGrant: once for good."""

from collections.abc import Callable, Mapping
from datetime import datetime

from tintype_accounts.amounts import credits_text, micro_credits
from tintype_accounts.backend import AccountsBackend
from tintype_accounts.documents import Author, GrantSettings, GrantState
from tintype_accounts.planning.actions import Plan, Planner, PutGrant, converge
from tintype_accounts.planning.conditions import NEVER, WORKING, Since, Verdict
from tintype_accounts.planning.references import WAIT, ReferencedAccount, find_account
from tintype_accounts.resources import Account, CreditGrant
from tintype_accounts.status import CreditGrantStatus
from tintype_catalog.conditions import timestamp

_READY = Verdict("ready", "Granted", "The ledger has recorded the grant.")


def plan_grant(
    grant: CreditGrant,
    account: ReferencedAccount,
    state: GrantState | None,
    now: datetime,
    *,
    before: Since = NEVER,
) -> Plan[CreditGrantStatus]:
    """Return what to do for a CreditGrant.

    Args:
        grant: The object.
        account: Its account. A grant that the ledger has does not need it any more.
        state: The grant `grant.reference` in the ledger, None if there is none.
        now: The time.
        before: The transition times of the object's conditions.
    """
    planner = Planner(grant.metadata.generation, now, before)
    status = CreditGrantStatus(account_name=account.name)
    if state is not None:
        if difference := _difference(grant, account.name, state):
            return planner.plan(status, _conflict(grant.reference, difference))
        applied_at = timestamp(state.created_at)
        status = CreditGrantStatus(
            account_name=state.account, posting=state.posting, applied_at=applied_at
        )
        return planner.plan(status, _READY)
    if account.waiting:
        return planner.plan(status, account.waiting, at=now + WAIT)
    settings = GrantSettings(
        account=str(account.name),
        micro_credits=micro_credits(grant.spec.credits),
        reason=grant.spec.reason,
    )
    return planner.plan(status, WORKING, PutGrant(grant.reference, settings))


async def converge_grant(
    grant: CreditGrant,
    accounts: Mapping[str, Account],
    backend: AccountsBackend,
    clock: Callable[[], datetime],
    *,
    owner: str,
    author: Author,
    before: Since = NEVER,
) -> Plan[CreditGrantStatus]:
    """Carry out the plans of a CreditGrant until there is nothing to do, and return the last one.

    `accounts` are the valid Account objects of its namespace, by name.

    Raises:
        BackendError: As `actions.converge`.
    """

    async def plan() -> Plan[CreditGrantStatus]:
        account = await find_account(grant.spec, accounts, backend, owner=owner)
        state = await backend.grant(grant.reference)
        return plan_grant(grant, account, state, clock(), before=before)

    return await converge(plan, backend, author=author)


def _difference(grant: CreditGrant, account: str | None, state: GrantState) -> str:
    """Return how a recorded grant differs from an object, for people; empty if it does not.

    The reason is a text for people: correcting it makes no other grant.
    """
    if account is not None and account != state.account:
        return f"to `{state.account}`"
    if micro_credits(grant.spec.credits) != state.micro_credits:
        return f"of {credits_text(state.micro_credits)} credits"
    return ""


def _conflict(reference: str, difference: str) -> Verdict:
    message = (
        f"The reference `{reference}` was used for another grant, {difference}, so nothing was "
        "granted. Create a CreditGrant with another `reference`."
    )
    return Verdict("stalled", "Conflict", message)
