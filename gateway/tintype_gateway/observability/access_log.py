"""The access log: one line of JSON for each request, never with a prompt, an image or a key.

The formatter escapes everything except printable ASCII, so that text from a client cannot end a
line, begin one, or move a terminal's cursor.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from typing_extensions import override

from tintype_gateway.observability.request_log import RequestLog

_SECRETS = re.compile(
    r"""
      \b(?:sk|rk|pk|sess)-[\w*.-]{4,}                      # keys of OpenAI and of ours, also masked
    | \bAIza[\w-]{10,}                                     # keys of Google
    | \bya29\.[\w.-]+                                      # its OAuth tokens
    | \b(?:AKIA|ASIA|ABSK)[A-Za-z0-9+/=]{8,}               # keys of AWS, and its bearer tokens
    | \beyJ[\w-]+\.[\w.-]+                                 # JWTs
    | \bBearer\s+[^\s,;"']+
    | \b(?:api[_-]?key|key|token|password|secret|signature|credential|security-token)=[^\s&"',;]+
    | \bkey(?:\ provided)?:\ *[^\s,;"']+                     # OpenAI's echo of a wrong key
    | (?=[\w+/]*\d)[\w+/]{32,}={0,2}                        # anything as long as a key
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

REMOVED = "[removed]"


def shown(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, on one line, with secrets removed.

    Everything that looks like a key is removed, even if it is only a long identifier.
    """
    bounded = text[: 4 * limit]  # removes secrets before the text is cut
    line = " ".join("".join(c if c.isprintable() else " " for c in bounded).split())
    clean = _SECRETS.sub(REMOVED, line)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


log = logging.getLogger("tintype.access")

FIRST_ERROR_STATUS = 400


class Sampling(logging.Filter):
    """Passes every error, and this share (0 to 1) of the other requests."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or random.random() < self._share  # noqa: S311 - no secret


def configure(level: str | None, sampling: float) -> None:
    """Set the level of the access log, by default the root's, and the share of logged successes."""
    if level is not None:
        log.setLevel(level.upper())
    if sampling < 1:
        log.addFilter(Sampling(sampling))


def write(status: int, request_log: RequestLog, *, is_routine: bool = False) -> None:
    """Write the line of a request with this response status.

    Errors have the level WARNING. Routine successes, such as probes, have the level DEBUG.
    """
    success = logging.DEBUG if is_routine else logging.INFO
    level = success if status < FIRST_ERROR_STATUS else logging.WARNING
    if not log.isEnabledFor(level):
        return
    line = _Line(time.time(), level, status, request_log)
    if _batch is None:
        line.write()
        return
    _batch.append(line)
    if level == logging.WARNING:
        _write_batch()


@contextmanager
def batching() -> Iterator[Callable[[], None]]:
    """Let the lines of successes wait while the block runs, which gets a function to write them.

    The line of an error is written at once, after those before it.
    """
    global _batch
    _batch = []
    try:
        yield _write_batch
    finally:
        _write_batch()
        _batch = None


class _Line(NamedTuple):
    """A line that is yet to be written."""

    time: float
    level: int
    status: int
    request_log: RequestLog

    def write(self) -> None:
        record = logging.LogRecord(log.name, self.level, "", 0, "request", (), None)
        vars(record).update(  # none of the fields is one of the record's own
            created=self.time,
            msecs=self.time % 1 * 1000,
            status=self.status,
            **self.request_log.fields(),
        )
        log.handle(record)


_batch: list[_Line] | None = None
"""The lines that wait; None while each is written at once."""


def _write_batch() -> None:
    if _batch:
        lines = [*_batch]
        _batch.clear()
        for line in lines:
            line.write()
