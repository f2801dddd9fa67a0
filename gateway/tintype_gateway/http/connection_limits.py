"""The time limits of clients' connections."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BodyPace:
    """How slowly the body of a request may arrive."""

    grace_seconds: float = 30
    """The time that any body may take. Clients write a head and its body one after the other, and
    one that gets little CPU, such as a pod without requests on a full node, may take seconds in
    between. Only callers with a valid key get this time: others are refused by the head."""

    bytes_per_second: int = 16 * 1024
    """The lowest average rate of a body beyond that time, below that of any usable connection."""

    def seconds_for(self, size: int) -> float:
        """Return the time in seconds within which `size` bytes must have arrived."""
        return self.grace_seconds + size / self.bytes_per_second


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a client may take for the parts of a request and of its response."""

    head_seconds: float = 5
    """The time from the first byte of a request, or from the connection, to the end of the head."""

    stall_seconds: float = 30
    """How long a client may read nothing of a pending response."""

    body: BodyPace = field(default_factory=BodyPace)
