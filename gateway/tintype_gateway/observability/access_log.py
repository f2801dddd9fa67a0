"""The access log: one line of JSON for each request, never with a prompt, an image or a key.

The formatter escapes whatever is no printable ASCII, so nothing that a client sends can end a
line, begin one, or move a terminal's cursor.
"""

import logging
import random

from typing_extensions import override

from tintype_gateway.observability.request_log import RequestLog

log = logging.getLogger("tintype.access")

FIRST_ERROR_STATUS = 400


class Sampling(logging.Filter):
    """Lets pass every error, and this share of the other requests, from 0 to 1."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or random.random() < self._share  # noqa: S311 - no secret


def configure(level: str | None, sampling: float) -> None:
    """Write lines from this level on, by default those of all logs, and so many of successes."""
    if level is not None:
        log.setLevel(level.upper())
    log.addFilter(Sampling(sampling))


def write(status: int, request_log: RequestLog, *, is_routine: bool = False) -> None:
    """Write the line of a request that was answered with this status.

    Errors are warnings. Successes that tell nothing, `is_routine`, are for debugging only.
    """
    success = logging.DEBUG if is_routine else logging.INFO
    level = success if status < FIRST_ERROR_STATUS else logging.WARNING
    log.log(level, "request", extra={"status": status, **request_log.fields()})
