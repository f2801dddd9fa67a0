"""Tracks whether the client of a request is still connected."""

from collections.abc import Callable


class ClientPresence:
    """The client of one request.

    Until something is sold, a client that disconnects cancels its request. After that, the request
    runs to its end, and its output is discarded.
    """

    def __init__(self) -> None:
        self.has_left = False
        self._is_committed = False
        self._on_leave: Callable[[], object] = lambda: None

    def cancels(self, cancel: Callable[[], object]) -> None:
        """Set the function to call when the client disconnects."""
        self._on_leave = cancel

    def commit(self, on_leave: Callable[[], object] = lambda: None) -> None:
        """Run the request to its end from now on; a disconnect calls `on_leave`."""
        self._is_committed = True
        self._on_leave = on_leave

    @property
    def is_committed(self) -> bool:
        """Whether the request runs to its end without its client."""
        return self._is_committed

    def leave(self) -> None:
        """Record that the client has disconnected."""
        if not self.has_left:
            self.has_left = True
            self._on_leave()
