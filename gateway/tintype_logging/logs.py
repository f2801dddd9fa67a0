"""Logs as JSON, one object a line.

JSON escapes control characters, so a client cannot forge a log line. Prompts and keys are never
passed to a logger.
"""

import datetime
import json
import logging
import sys
from collections.abc import Iterator

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError
from typing_extensions import override

_ENCODER = json.JSONEncoder(default=str)

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, message and the fields of `extra`."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(line)


def configure(level: str) -> None:
    """Send all logs of this process to standard error as JSON."""
    _skip_unused_fields()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    for library in ("aiobotocore", "boto3", "botocore"):  # at `debug` they log what they sign
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.getLogger("aiohttp.server").addFilter(_unquoted)


def _skip_unused_fields() -> None:
    """Do not look up caller, thread and process, which are not logged and cost an eighth of a line.

    These are the optimizations in the logging HOWTO of the standard library.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _unquoted(record: logging.LogRecord) -> bool:
    """Remove the error of a malformed request, because it quotes bytes that may contain a key."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | RequestPayloadError):
        record.exc_info, record.error = None, type(error).__name__
    return True


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the single errors that an exception group contains, at any depth."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from leaves(part)
    else:
        yield error
