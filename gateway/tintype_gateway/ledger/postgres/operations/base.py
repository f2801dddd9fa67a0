"""What all operations in PostgreSQL have in common."""

from collections.abc import Callable
from datetime import UTC, datetime

from tintype_gateway.ledger.postgres.database import Database


class PostgresOperations:
    """The connections and the clock that all operations use.

    It connects on first use. Without a `clock`, all processes use the server's clock.
    """

    def __init__(self, url: str, clock: Callable[[], float] | None, timeout_seconds: float) -> None:
        self._database = Database(url, timeout_seconds)
        self._clock = clock

    def _now(self) -> datetime | None:
        return None if self._clock is None else datetime.fromtimestamp(self._clock(), UTC)
