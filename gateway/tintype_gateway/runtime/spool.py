"""Where uploads wait until they are used: a little memory, and then a file without a name.

Each request has one spool. What it holds is in memory until it exceeds `MEMORY_BYTES`, and then, or
from its first byte where it is known to, all of it is in one temporary file. The file is unlinked
at once, so it vanishes with the process, however that ends. The disk space that all spools take
together is bounded.

A file costs a turn of a thread for each part that is written or read. While plenty of memory is
free, a few requests of a known size therefore have theirs in memory.
"""

import asyncio
import errno
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar, TypeVarTuple

from tintype_gateway.errors import OverloadedError, PayloadTooLargeError, UnavailableError
from tintype_gateway.observability.metrics import (
    REQUESTS_SHED,
    SPOOL_BYTES,
    SPOOL_LIMIT,
    SPOOL_MEMORY_BYTES,
)
from tintype_gateway.runtime.memory_budget import MemoryBudget

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

MEMORY_BYTES = 1024 * 1024
"""What the uploads of any request may take in memory, before all of them go to the disk."""

LARGE_BYTES = 16 * 1024 * 1024
"""The largest request that may be in memory while plenty is free."""

SHARED_BYTES = 64 * 1024 * 1024
"""What all requests above `MEMORY_BYTES` may take in memory together. It is not reserved: while a
gateway has plenty free, more than this is left beside it."""

WRITE_BYTES = 256 * 1024
"""How much is gathered before a thread writes it."""

THREADS = 4
"""How many writes run at once."""

RETRY_AFTER_SECONDS = 5

STORAGE_UNAVAILABLE = "upload_storage_unavailable"
"""The code of the error that the client of a request gets when the disk fails."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}

log = logging.getLogger(__name__)


class Spools:
    """The spools of one process, for the tasks of its event loop."""

    def __init__(
        self, directory: Path | None, max_bytes: int, memory: MemoryBudget | None = None
    ) -> None:
        """Put spools into a directory, by default that of the system for temporary files.

        All of them together take at most `max_bytes` of the disk. Without `memory`, every request
        above `MEMORY_BYTES` goes there.
        """
        self._directory = directory
        self._max_bytes = max_bytes
        self._memory = memory
        self._used_bytes = 0
        self._in_memory_bytes = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tintype-spool")
        SPOOL_LIMIT.set(max_bytes)
        SPOOL_BYTES.set_function(lambda: self._used_bytes)
        SPOOL_MEMORY_BYTES.set_function(lambda: self._in_memory_bytes)

    @asynccontextmanager
    async def opened(
        self, max_bytes: int, expected_bytes: int = 0, *, digests: bool = False
    ) -> AsyncIterator["Spool"]:
        """Yield the spool of one request, and release all that it holds at the end of the block.

        `expected_bytes`, such as a Content-Length, are reserved at once, so that a request for
        which there is no room is refused before it is read. With `digests`, each upload gets its
        SHA-256 while it is written.

        Raises:
            OverloadedError: There is no room on the disk for them.
        """
        with self._memory_for(expected_bytes) as memory_bytes:
            spool = Spool(self, max_bytes, memory_bytes, digests=digests)
            try:
                if not memory_bytes:
                    spool.reserve(min(expected_bytes, max_bytes))
                yield spool
            finally:
                # A request that is cancelled does not wait for it, and it is done all the same.
                await asyncio.shield(self._release(spool))

    @contextmanager
    def _memory_for(self, expected_bytes: int) -> Iterator[int]:
        """Yield how many bytes a spool may hold in memory; 0 if all of it belongs on the disk."""
        if expected_bytes <= MEMORY_BYTES:
            yield MEMORY_BYTES
        elif self._fits_into_memory(expected_bytes):
            self._in_memory_bytes += expected_bytes
            try:
                yield expected_bytes
            finally:
                self._in_memory_bytes -= expected_bytes
        else:
            yield 0

    def _fits_into_memory(self, size: int) -> bool:
        may_fit = size <= LARGE_BYTES and self._in_memory_bytes + size <= SHARED_BYTES
        return may_fit and self._memory is not None and self._memory.has_plenty(size)

    async def _release(self, spool: "Spool") -> None:
        if spool.is_in_memory:
            spool.close()
        else:
            await self.run(spool.close)
        self.give_back(spool.reserved_bytes)

    def take(self, count: int) -> None:
        """Count bytes as used.

        Raises:
            OverloadedError: There is no room for them.
        """
        if self._used_bytes + count > self._max_bytes:
            raise _no_room()
        self._used_bytes += count

    def give_back(self, count: int) -> None:
        """Count bytes as free."""
        self._used_bytes -= count

    def make_file(self) -> IO[bytes]:
        """Return a new file without a name. It blocks.

        Raises:
            OSError: The directory cannot be written.
        """
        return tempfile.TemporaryFile(dir=self._directory, buffering=0, prefix="tintype-")

    async def run(self, work: Callable[[*Args], Result], *args: *Args) -> Result:
        """Run what blocks in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def close(self) -> None:
        """Let go of the threads, once they have done what was asked of them."""
        self._threads.shutdown(wait=False)


class Spool:
    """The uploads of one request, one after the other."""

    def __init__(self, spools: Spools, max_bytes: int, memory_bytes: int, *, digests: bool) -> None:
        self._spools = spools
        self._max_bytes = max_bytes
        self._memory_bytes = memory_bytes
        self._length = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._is_closed = False
        self._lock = threading.Lock()  # a file descriptor that is closed may be another's at once
        self.reserved_bytes = 0
        """What it has of the disk space that all spools share."""

        self.digests = digests
        """Whether its uploads get their SHA-256."""

    @property
    def length(self) -> int:
        """How many bytes were written."""
        return self._length

    @property
    def is_in_memory(self) -> bool:
        """Whether it has no file, so that nothing blocks."""
        return self._file is None

    def reserve(self, total: int) -> None:
        """Reserve this number of bytes of the disk in total.

        Raises:
            OverloadedError: There is no room for them.
        """
        if total > self.reserved_bytes:
            self._spools.take(total - self.reserved_bytes)
            self.reserved_bytes = total

    def release_unused(self) -> None:
        """Give back what was reserved for more bytes than have come. Call it when all are there."""
        used = 0 if self._file is None else self._length
        self._spools.give_back(self.reserved_bytes - used)
        self.reserved_bytes = used

    async def append(self, pieces: Sequence[bytes], digest: "hashlib._Hash | None") -> None:
        """Write bytes at the end, and update a digest with them, if there is one.

        Raises:
            PayloadTooLargeError: The request has more than it may.
            OverloadedError: There is no room on the disk for them.
            UnavailableError: The disk cannot be written.
        """
        length = self._length + sum(map(len, pieces))
        if length > self._max_bytes:
            raise PayloadTooLargeError(f"the uploads must have at most {self._max_bytes} bytes")
        if length <= self._memory_bytes:
            self._append(pieces, digest)
            return
        self.reserve(length)
        try:
            await self._spools.run(self._append, pieces, digest)
        except OSError as error:
            raise _unwritable(error) from error

    async def keep(self, data: bytes) -> "SpooledContent":
        """Return bytes as content at the end of the spool. See `append` for the errors."""
        writer = SpoolWriter(self)
        await writer.write(data)
        return await writer.finish()

    def _append(self, pieces: Sequence[bytes], digest: "hashlib._Hash | None") -> None:
        if digest is not None:
            for piece in pieces:
                digest.update(piece)
        count = sum(map(len, pieces))
        with self._lock:
            self._require_open()
            if self._file is None and self._length + count > self._memory_bytes:
                self._file = self._spools.make_file()
                _write_all(self._file, self._memory)
                self._memory = bytearray()
            for piece in pieces:
                if self._file is None:
                    self._memory += piece
                else:
                    _write_all(self._file, piece)
            self._length += count

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes at a place. It blocks.

        Raises:
            ValueError: The request has ended.
            UnavailableError: The file cannot be read.
        """
        with self._lock:
            self._require_open()
            if self._file is None:
                with memoryview(self._memory) as view:
                    return bytes(view[offset : offset + length])
            try:
                return os.pread(self._file.fileno(), length, offset)
            except OSError as error:  # of no type that a decoder takes for a damaged image
                raise _unreadable(error) from error

    def close(self) -> None:
        """Remove all that it holds. It blocks: to free the space of a large file takes a while."""
        with self._lock:
            self._is_closed = True
            self._memory = bytearray()
            if self._file is not None:
                self._file.close()

    def _require_open(self) -> None:
        if self._is_closed:
            raise ValueError("the request of this upload has ended")


@dataclass(frozen=True, slots=True)
class SpooledContent:
    """A part of a spool, readable until the request ends: a `Content`."""

    spool: Spool = field(repr=False)
    offset: int
    length: int

    @property
    def is_in_memory(self) -> bool:
        """Whether to read it does not block."""
        return self.spool.is_in_memory

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset` on. Unless it is in memory, this blocks.

        Raises:
            ValueError: The request has ended.
            UnavailableError: The file cannot be read.
        """
        due = min(length, self.length - offset)
        return b"" if due <= 0 else self.spool.read(self.offset + offset, due)


class SpoolWriter:
    """Writes one content to the end of a spool, which nothing else writes to meanwhile."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._offset = spool.length
        self._digest = hashlib.sha256() if spool.digests else None
        self._pending = bytearray()
        self.length = 0
        """How many bytes it was given."""

    @property
    def sha256(self) -> str:
        """The SHA-256 of all bytes, in hexadecimal, once `finish` has returned; empty without."""
        return "" if self._digest is None else self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Take bytes. See `Spool.append` for the errors."""
        self.length += len(data)
        if len(self._pending) + len(data) < WRITE_BYTES:
            self._pending += data
        else:
            await self._flush(data)

    async def finish(self) -> SpooledContent:
        """Return the content of all bytes. See `Spool.append` for the errors."""
        if self._pending:
            await self._flush()
        return SpooledContent(self._spool, self._offset, self.length)

    async def _flush(self, *more: bytes) -> None:
        pieces = (bytes(self._pending), *more) if self._pending else more
        self._pending = bytearray()
        await self._spool.append(pieces, self._digest)


def _write_all(file: IO[bytes], data: bytes | bytearray) -> None:
    with memoryview(data) as view:
        written = 0
        while written < len(view):
            written += file.write(view[written:])


def _no_room() -> OverloadedError:
    REQUESTS_SHED.labels("disk").inc()
    return OverloadedError(
        "the gateway has no free disk space for these uploads",
        retry=True,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _unwritable(error: OSError) -> OverloadedError | UnavailableError:
    log.error("uploads cannot be written to the disk", exc_info=error)
    if error.errno in _NO_SPACE:
        return _no_room()
    return UnavailableError(
        "the gateway cannot store uploads now; no image was requested",
        code=STORAGE_UNAVAILABLE,
        retry=True,
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _unreadable(error: OSError) -> UnavailableError:
    log.error("uploads cannot be read from the disk", exc_info=error)
    return UnavailableError(
        "the gateway cannot read the uploads of this request; no image was requested",
        code=STORAGE_UNAVAILABLE,
        retry=True,
    )
