"""The progress of a request: one line that is updated on a terminal, plain lines elsewhere."""

import itertools
import sys
import threading
import time
from types import TracebackType
from typing import Self

BLANK_LINE = "\r\x1b[K"
"""Moves to the start of the line, and erases it (ECMA-48, EL)."""

TICK_SECONDS = 0.1

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """Shows the progress of a request on stderr. Only the notes remain at its end.

    A thread updates the line, because the main thread waits for the network.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._done = threading.Event()
        self._writing = threading.Lock()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        """Show the line, if stderr is a terminal."""
        if self._is_live:
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the line."""
        self._done.set()
        if self._is_live:
            self._ticker.join()
            sys.stderr.write(BLANK_LINE)

    def show(self, text: str) -> None:
        """Change the text of the line."""
        self._text = text

    def note(self, text: str) -> None:
        """Print a line that remains."""
        with self._writing:
            sys.stderr.write(f"{BLANK_LINE if self._is_live else ''}{text}\n")
            sys.stderr.flush()

    def _tick(self) -> None:
        for frame in itertools.cycle(SPINNER):
            if self._done.wait(TICK_SECONDS):
                return
            with self._writing:
                seconds = time.monotonic() - self._started
                sys.stderr.write(f"{BLANK_LINE}{frame} {self._text}  {seconds:.0f} s")
                sys.stderr.flush()
