"""Calls of the gateways' admin API."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from tintype_accounts.backend import BackendError, BackendUnavailableError
from tintype_accounts.documents import AUTHOR_HEADER
from tintype_operator.metrics import ADMIN_CALLS

CALL_SECONDS: Final = 10.0
"""Deadline of one call, from connecting to the last byte of the response."""

ATTEMPTS: Final = 2
"""Attempts of a call without a response: a gateway that ends closes its connections. Every call of
the operator may be repeated."""

NO_CONTENT: Final = 204

JsonObject = dict[str, Any]


class TokenRefusedError(BackendUnavailableError):
    """The gateways do not accept the operator's token, or its role is too low."""


class ResponseError(BackendError):
    """The gateway refused the request; the message is that of its envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Take the HTTP status, and `error.code` and `error.message` of the envelope."""
        super().__init__(message)
        self.status = status
        self.code = code


RESULTS: Mapping[type[BackendError], str] = {
    BackendUnavailableError: "unavailable",
    TokenRefusedError: "token_refused",
    ResponseError: "refused",
}
"""The errors in the metric of the calls."""


class AdminHttp:
    """Sends requests with the operator's token, which is read anew for each of them."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token_file: Path) -> None:
        """Use `connect_admin` instead, which also opens and closes the session."""
        self._session = session
        self._url = f"{url.rstrip('/')}/admin/v1"
        self._token_file = token_file

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        author: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        """Return the response's JSON object, empty if it has no content.

        Args:
            method: The HTTP method.
            path: The path below `/admin/v1`, percent-encoded.
            query: The parameters of the query.
            body: The JSON value to send.
            author: Who wants the change, for the audit log.

        Raises:
            BackendUnavailableError: There was no response, or one that says nothing of the request:
                408, 429 or 5xx.
            TokenRefusedError: The response was 401 or 403.
            ResponseError: The response was another error.
        """
        url = f"{self._url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers(author)
        try:
            found = await self._attempts(method, url, body, headers)
        except BackendError as error:
            ADMIN_CALLS.labels(RESULTS[type(error)]).inc()
            raise
        ADMIN_CALLS.labels("success").inc()
        return found

    async def _attempts(
        self, method: str, url: str, body: object, headers: Mapping[str, str]
    ) -> JsonObject:
        try:
            for _ in range(ATTEMPTS - 1):
                with suppress(aiohttp.ClientConnectionError):
                    return await self._once(method, url, body, headers)
            return await self._once(method, url, body, headers)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            cause = str(error) or type(error).__name__
            raise BackendUnavailableError(f"{method} {url}: {cause}") from error

    async def _once(
        self, method: str, url: str, body: object, headers: Mapping[str, str]
    ) -> JsonObject:
        async with self._session.request(
            method,
            URL(url, encoded=True),
            data=None if body is None else json.dumps(body),
            headers=headers,
            allow_redirects=False,
        ) as response:
            content = await response.read()
            if response.status >= 300:
                raise error_of(response.status, content, f"{method} {url}")
            found = json.loads(content) if response.status != NO_CONTENT else {}
            if not isinstance(found, dict):
                raise ValueError("the response is no JSON object")
            return found

    def _headers(self, author: Mapping[str, Any] | None) -> dict[str, str]:
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenRefusedError(f"cannot read the token in {self._token_file}") from error
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if author is not None:
            headers[AUTHOR_HEADER] = json.dumps(author)
        return headers


@asynccontextmanager
async def connect_admin(url: str, token_file: Path) -> AsyncIterator[AdminHttp]:
    """Give a client that opens a connection for each call."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
    # A Service chooses a gateway for each connection: with one that is kept, all calls would go on
    # reaching the one gateway that cannot review a token or use its database.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield AdminHttp(session, url, token_file)


def error_of(status: int, content: bytes, call: str) -> BackendError:
    """Return the error that a response means; its body may be the page of a proxy."""
    try:
        envelope = json.loads(content)["error"]
        code, message = str(envelope.get("code") or ""), str(envelope["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        code, message = "", f"HTTP {status}"
    if status in (401, 403):
        return TokenRefusedError(f"{call}: {message}")
    if status in (408, 429) or status >= 500:
        return BackendUnavailableError(f"{call}: {message}")
    return ResponseError(status, code, message)
