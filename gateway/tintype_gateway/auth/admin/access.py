"""Identifies the callers of the admin API, and refuses wrong tokens slowly."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from tintype_gateway.auth.admin.roles import AdminCaller
from tintype_gateway.auth.admin.service_accounts import ServiceAccounts
from tintype_gateway.auth.admin.tokens import AdminTokens
from tintype_gateway.errors import AuthenticationError, RateLimitError
from tintype_gateway.observability.metrics import ADMIN_TOKENS_REFUSED

WRONG_TOKEN_SECONDS = 1.0
"""The delay of each refusal of a wrong token. Refusals happen one after another."""

MAX_WRONG_TOKENS = 30
"""The most requests with a wrong token that wait; others get status 429 at once."""


class AdminAccess:
    """Finds who sends a header `Authorization`."""

    def __init__(
        self,
        tokens: AdminTokens,
        wrong_token_seconds: float = WRONG_TOKEN_SECONDS,
        service_accounts: ServiceAccounts | None = None,
    ) -> None:
        self.tokens = tokens
        self._wrong_token_seconds = wrong_token_seconds
        self._service_accounts = service_accounts
        self._waiting = 0
        """The requests whose token is wrong, or is reviewed for the first time."""

        self._turn = asyncio.Lock()

    async def authenticate(self, header: str) -> AdminCaller:
        """Return the caller with this header.

        Raises:
            AuthenticationError: The token is wrong or missing; after a delay.
            RateLimitError: It is, and many others wait for their refusal.
            UnavailableError: The API server does not review the token of a ServiceAccount.
        """
        scheme, _, token = header.partition(" ")
        given = token.strip().encode(errors="surrogateescape")  # the bytes that the client sent
        if scheme.lower() != "bearer":
            return await self._refuse("the header must be `Authorization: Bearer <admin token>`")
        caller = self.tokens.find(given) or await self._reviewed(given)
        return caller or await self._refuse("this is not the token of an admin of this gateway")

    async def _reviewed(self, token: bytes) -> AdminCaller | None:
        """Return the ServiceAccount that a token belongs to, or None.

        Tokens that were never found valid are reviewed no faster than wrong ones are refused, so
        that guesses do not become requests to the API server. Others never wait for them.
        """
        accounts = self._service_accounts
        if accounts is None or not accounts.may_be_admin(token):
            return None
        if accounts.is_known(token):
            return await accounts.find(token)
        with self._counted():
            return await accounts.find(token)

    async def _refuse(self, message: str) -> NoReturn:
        """Refuse wrong tokens slowly and one after another, so that guessing is not practical.

        Requests with the right token never wait.
        """
        ADMIN_TOKENS_REFUSED.inc()
        with self._counted():
            async with self._turn:
                await asyncio.sleep(self._wrong_token_seconds)
        raise AuthenticationError(message)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._waiting >= MAX_WRONG_TOKENS:
            raise RateLimitError(
                "too many wrong admin tokens", retry=False, retry_after_seconds=MAX_WRONG_TOKENS
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
