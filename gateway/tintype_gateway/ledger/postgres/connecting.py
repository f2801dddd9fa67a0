"""Connects to the server that a URL names, and never repeats the URL, which holds a password.

asyncpg quotes what it cannot parse: where a password has a character that should have been
percent-encoded, that is a part of it. So a URL is checked before asyncpg sees it.
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
"""What is shorter may stand in a message by chance."""


def check_url(url: str) -> None:
    """Make sure that a URL has the form of one of PostgreSQL.

    Raises:
        ValueError: it has not. The message does not repeat it.
    """
    if _URL.fullmatch(url) is None:
        raise ValueError(
            f"the URL of the database is not {FORM}: characters of user and password other than"
            " letters, digits and -._~ have to be percent-encoded"
        )


async def connect(url: str, **options: Any) -> "Connection[Record]":
    """Return a new connection, as `asyncpg.connect` does.

    Raises:
        ValueError: the URL cannot be used. The message does not repeat it.
    """
    try:
        connection: Connection[Record] = await asyncpg.connect(url, **options)
    except ValueError:  # quotes a part of the URL
        raise ValueError(
            "a parameter of the database's URL has a value of the wrong kind"
        ) from None
    return connection


def without_secrets(text: str, url: str) -> str:
    """Return a message of the server or the driver without what the URL keeps secret."""
    parts = urlsplit(url)
    secret = {parts.password or "", *(value for _, value in parse_qsl(parts.query))}
    for value in sorted({*secret, *map(unquote, secret)}, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text
