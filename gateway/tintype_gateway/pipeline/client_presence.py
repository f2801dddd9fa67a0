"""Whether the client of a request is still there, and what its leaving means."""

from collections.abc import Callable


class ClientPresence:
    """The client of one request.

    Until something is sold, a client that leaves cancels its request. From then on the request is
    carried through to its end, and what it would send is discarded.
    """

    def __init__(self) -> None:
        self.has_left = False
        self._is_committed = False
        self._on_leave: Callable[[], object] = lambda: None

    def cancels(self, cancel: Callable[[], object]) -> None:
        """Have the client's leaving call this."""
        self._on_leave = cancel

    def commit(self, on_leave: Callable[[], object] = lambda: None) -> None:
        """Carry the request through, whatever the client does; its leaving calls `on_leave`."""
        self._is_committed = True
        self._on_leave = on_leave

    @property
    def is_committed(self) -> bool:
        """Whether the request is carried through without its client."""
        return self._is_committed

    def leave(self) -> None:
        """Note that the client is gone."""
        if not self.has_left:
            self.has_left = True
            self._on_leave()
