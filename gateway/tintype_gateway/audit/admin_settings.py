"""Records how the set of admins changes: its names and roles, and never a token."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tintype_gateway.auth.admin.roles import AdminCaller, Role
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.ledger.changes import (
    Author,
    ChangeFilter,
    Difference,
    Document,
    ReportedChange,
    new_change_id,
)
from tintype_gateway.ledger.errors import LedgerError
from tintype_gateway.ledger.operations.changes import ChangeOperations

NAME = "admins"
"""The name of the setting."""

AUTHOR = Author("folder", "TINTYPE_ADMIN_TOKENS_DIR")

LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)


def admins_document(
    tokens: Iterable[AdminCaller], service_accounts: Mapping[str, Role]
) -> Document:
    """Return the set of admins as JSON: how many tokens each name has, and its role."""
    counted = Counter((caller.name, caller.role) for caller in tokens)
    return {
        "tokens": [
            {"name": name, "role": role, "tokens": number}
            for (name, role), number in sorted(counted.items())
        ],
        "service_accounts": [
            {"name": name, "role": role} for name, role in sorted(service_accounts.items())
        ],
    }


class AdminSettings:
    """Records the set of admins when it differs from what was recorded last."""

    def __init__(
        self, ledger: ChangeOperations, tokens: AdminTokens, service_accounts: Mapping[str, Role]
    ) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._service_accounts = service_accounts

    async def follow(self) -> None:
        """Record changes, until cancelled."""
        recorded: Document | None = None
        while True:
            now = admins_document(self._tokens.callers(), self._service_accounts)
            if now != recorded:
                try:
                    await self._record(now)
                    recorded = now
                except LedgerError as error:
                    log.warning("change of admins not recorded", extra={"error": str(error)})
            await asyncio.sleep(LOOK_SECONDS)

    async def _record(self, after: Document) -> None:
        matching = ChangeFilter(kind="setting", name=NAME)
        last = await self._ledger.changes(matching, limit=1, newest_first=True)
        before = last[0].difference.after if last else None
        difference = Difference(
            action="update" if last else "create",
            kind="setting",
            name=NAME,
            before=before,
            after=after,
        )
        change = ReportedChange(
            id=new_change_id(), at=datetime.now(UTC), author=AUTHOR, difference=difference
        )
        # Other gateways have the same admins.
        await self._ledger.record_changes([change], only_new_states=True)
