"""What the wait looks like: one line that changes on a terminal, and plain lines elsewhere."""

import itertools
import sys
import threading
import time
from types import TracebackType
from typing import Self

BLANK_LINE = "\r\x1b[K"
"""Back to the start of the line, and whatever stood there gone (ECMA-48, EL)."""

TICK_SECONDS = 0.1

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """Tells on stderr how far a request is. What is left there at its end are the notes.

    A thread moves the line, because whoever waits for the network cannot.
    """

    def __init__(self, images: int) -> None:
        self._text = "waiting for the provider" if images == 1 else f"waiting for {images}"
        self._is_live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._done = threading.Event()
        self._writing = threading.Lock()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        """Begin to show the line, on a terminal."""
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

    def say(self, text: str) -> None:
        """Change what the line says."""
        self._text = text

    def note(self, text: str) -> None:
        """Leave a line for good."""
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
