"""A ledger whose operations are timed, whatever its engine."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from tintype_gateway.ledger.errors import LedgerError, LedgerUnavailableError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.observability.metrics import LEDGER_SECONDS

Operation = Callable[..., Awaitable[Any]]


def instrumented(ledger: Ledger) -> Ledger:
    """Return the same ledger, which observes how long each operation takes, and how it ends."""
    return cast(Ledger, _InstrumentedLedger(ledger))


class _InstrumentedLedger:
    """Stands before a ledger. Every operation of one is a coroutine, so all are timed alike."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Operation:
        operation = _timed(name, getattr(self._ledger, name))
        setattr(self, name, operation)  # so that it is made once
        return operation


def _timed(name: str, operation: Operation) -> Operation:
    @wraps(operation)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        started, outcome = time.perf_counter(), "done"
        try:
            return await operation(*args, **kwargs)
        except LedgerUnavailableError:
            outcome = "unavailable"
            raise
        except LedgerError:
            outcome = "refused"
            raise
        finally:
            LEDGER_SECONDS.labels(name, outcome).observe(time.perf_counter() - started)

    return timed
