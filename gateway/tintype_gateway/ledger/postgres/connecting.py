"""Connects to the server of a URL, and never quotes the URL, which contains a password.

asyncpg's messages quote what it cannot parse, which may be a part of a password with a character
that is not percent-encoded. The URL is therefore checked before asyncpg gets it.
"""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

if TYPE_CHECKING:
    from asyncpg import Connection, Record

FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE"

_URL = re.compile(
    r"postgres(ql)?://"
    r"([^\s@/?#:]*(:[^\s@/?#:]*)?@)?"  # user and password
    r"([\w.-]*|\[[\da-fA-F:.]+\])(:\d{1,5})?"  # the first host
    r"(,([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?)*"
    r"(/[^\s@/?#:]*)?(\?[^\s#]*)?",
    re.ASCII,
)

_SHORTEST_SECRET = 4
"""A shorter text may occur in a message by chance."""


def check_url(url: str) -> None:
    """Check that a URL has the form of a PostgreSQL URL.

    Raises:
        ValueError: the URL is malformed. The message does not quote it.
    """
    if _URL.fullmatch(url) is None:
        raise ValueError(
            f"the URL of the database is not {FORM}: characters of user and password other than"
            " letters, digits and -._~ have to be percent-encoded"
        )


async def connect(url: str, **options: Any) -> "Connection[Record]":
    """Return a new connection, as `asyncpg.connect` does.

    Raises:
        ValueError: the URL cannot be used. The message does not quote it.
    """
    try:
        connection: Connection[Record] = await asyncpg.connect(url, **options)
    except ValueError:  # the message quotes a part of the URL
        raise ValueError(
            "a parameter of the database's URL has a value of the wrong kind"
        ) from None
    return connection


def without_credentials(text: str, url: str) -> str:
    """Return a message of the server or the driver without the secrets of the URL."""
    parts = urlsplit(url)
    secret = {parts.password or "", *(value for _, value in parse_qsl(parts.query))}
    for value in sorted({*secret, *map(unquote, secret)}, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text
