"""A ledger of any engine that measures its operations."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, cast

from tintype_gateway.ledger.errors import LedgerError, LedgerUnavailableError
from tintype_gateway.ledger.interface import Ledger
from tintype_gateway.ledger.job_signals import JobSignals
from tintype_gateway.observability.metrics import LEDGER_SECONDS

Operation = Callable[..., Awaitable[Any]]


def instrumented(ledger: Ledger) -> Ledger:
    """Return the ledger with metrics of the duration and outcome of each operation."""
    return cast(Ledger, _InstrumentedLedger(ledger))


class _InstrumentedLedger:
    """Wraps a ledger. Every other operation is a coroutine function, so one wrapper fits all."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def job_signals(self) -> JobSignals:
        """See `Ledger`. It waits for what others do, which is no duration of the ledger's."""
        return self._ledger.job_signals()

    def __getattr__(self, name: str) -> Operation:
        operation = _timed(name, getattr(self._ledger, name))
        setattr(self, name, operation)  # caches the wrapper
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
