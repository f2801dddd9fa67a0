"""Many large uploads at once, and what they cost a gateway in memory: `python -m bench.uploads`.

Each client uploads one image for an edit, all at the same time. The provider reads the images and
keeps nothing of them. With `--cgroup-mib` the gateway runs in a memory cgroup of that size, as in a
container, so that the kernel ends it if it takes more; otherwise the limit is a setting.
"""

import argparse
import asyncio
import io
import os
import re
import socket
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import ExifTags, Image

from bench.cases import Case
from bench.measure import check
from bench.processes import forget_peak, memory_bytes, peak_memory_bytes
from bench.targets import Target, tintype_on_sqlite, upstream

MIB = 1024 * 1024
CASE = Case("openai-images", "64 KiB", 1)
BOUNDARY = "b-0"
SEND_BYTES = 256 * 1024

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


def png(size: int) -> bytes:
    """Return an image of this number of bytes that is passed on as it is."""
    header = struct.pack(">IIBBBBB", 1024, 1024, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1024 * 1025), 9)
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    rest = size - len(start) - len(_chunk(b"IEND", b"")) - 12
    # zlib ends where its stream does, and what follows it in IDAT is not looked at
    return start + _chunk(b"IDAT", pixels.ljust(rest, b"\0")) + _chunk(b"IEND", b"")


def rotated_jpeg(megapixels: int) -> bytes:
    """Return a photo that must be decoded, since it is stored on its side."""
    height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
    noise = Image.effect_noise((height * 4 // 3 // 8, height // 8), 64)
    photo = noise.resize((height * 4 // 3, height)).convert("RGB")
    exif, file = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = 6
    photo.save(file, "jpeg", quality=95, exif=exif)
    return file.getvalue()


def form(image: bytes, model: str, images: int = 1) -> bytes:
    """Return the body of a request with the same image once or several times."""
    texts = {"model": model, "prompt": "a red fox", "quality": "low", "size": "1024x1024"}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in texts.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image[]"; filename="1"\r\n\r\n'
    parts += [file.encode(), image, b"\r\n"] * images
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@dataclass
class Uploads:
    """What became of the uploads, and what they cost."""

    statuses: Counter[int] = field(default_factory=Counter)
    """The responses by status; 0 where the connection was closed without one."""

    without_retry_after: int = 0
    """The responses with status 429 that did not say when to come again."""

    idle_bytes: int = 0
    peak_bytes: int = 0
    seconds: float = 0


async def upload_all(target: Target, body: bytes, clients: int, patience: int = 0) -> Uploads:
    """Upload from a number of clients at once.

    A client that gets a 429 retries after its Retry-After, up to `patience` times.
    """
    pid = target.pid or 0
    forget_peak(pid)
    uploads = Uploads(idle_bytes=memory_bytes(pid))
    started = time.perf_counter()

    async def client() -> None:
        for _ in range(patience + 1):
            response = await upload(target, body)
            found = _STATUS.match(response)
            status = int(found[1]) if found else 0
            uploads.statuses[status] += 1
            if status != 429:
                return
            retry_after = _RETRY_AFTER.search(response)
            uploads.without_retry_after += retry_after is None
            if patience:
                await asyncio.sleep(int(retry_after[1]) if retry_after else 1)

    await asyncio.gather(*(client() for _ in range(clients)))
    uploads.seconds = time.perf_counter() - started
    uploads.peak_bytes = peak_memory_bytes(pid)
    return uploads


async def upload(target: Target, body: bytes) -> bytes:
    """Send one upload, and return its response, which is empty if there is none."""
    lines = (
        "POST /v1/images/edits HTTP/1.1",
        "Host: gateway",
        "Connection: close",
        f"Authorization: Bearer {target.key}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        f"Content-Length: {len(body)}",
    )
    head = "\r\n".join([*lines, "", ""]).encode()
    loop, response = asyncio.get_running_loop(), b""
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, target.request(CASE).address)
        sending = asyncio.create_task(_send(connection, head, body))
        with suppress(ConnectionError):
            while chunk := await loop.sock_recv(connection, SEND_BYTES):
                response += chunk
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return response


async def _send(connection: socket.socket, head: bytes, body: bytes) -> None:
    """Send a request, until it ends or the gateway takes no more of it."""
    loop, view = asyncio.get_running_loop(), memoryview(body)
    with suppress(ConnectionError):
        await loop.sock_sendall(connection, head)
        for start in range(0, len(view), SEND_BYTES):
            await loop.sock_sendall(connection, view[start : start + SEND_BYTES])


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """Make a cgroup whose processes have no more memory than this (cgroups(7)), and yield it.

    Raises:
        OSError: This process may not make cgroups.
    """
    tree, _ = _own_cgroup()
    group = tree / "tintype-bench"
    group.mkdir()
    try:
        name = "memory.max" if tree == CGROUPS else "memory.limit_in_bytes"
        (group / name).write_text(str(limit_bytes))
        yield group
    finally:
        _remove(group)


@contextmanager
def joined(group: Path) -> Iterator[None]:
    """Let the processes that the block starts be in a cgroup."""
    _, own = _own_cgroup()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (own / "cgroup.procs").write_text(str(os.getpid()))


CGROUPS = Path("/sys/fs/cgroup")


def _own_cgroup() -> tuple[Path, Path]:
    """Return the tree that counts memory, and this process's place in it."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for _, controllers, path in lines:
        if "memory" in controllers.split(","):
            return CGROUPS / "memory", CGROUPS / "memory" / path.lstrip("/")
    return CGROUPS, CGROUPS / lines[-1][2].lstrip("/")


def _remove(group: Path) -> None:
    for _ in range(100):
        try:
            group.rmdir()
            return
        except OSError:  # its last process is still ending
            time.sleep(0.05)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Run a gateway, upload, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=50, help="of each image")
    parser.add_argument(
        "--megapixels", type=int, help="of photos that are decoded, in place of images as they are"
    )
    parser.add_argument("--images", type=int, default=1, help="of each request")
    parser.add_argument("--memory-mib", type=int, default=512, help="the limit of the gateway")
    parser.add_argument("--cgroup", action="store_true", help="let the kernel enforce the limit")
    parser.add_argument("--patience", type=int, default=0, help="how often a client comes again")
    arguments = parser.parse_args()
    limit = arguments.memory_mib * MIB
    image = (
        rotated_jpeg(arguments.megapixels)
        if arguments.megapixels
        else png(arguments.megabytes * 1_000_000)
    )
    environ = {} if arguments.cgroup else {"TINTYPE_MEMORY_LIMIT_BYTES": str(limit)}
    with upstream() as url, ExitStack() as stack:
        group = stack.enter_context(memory_cgroup(limit)) if arguments.cgroup else None
        with joined(group) if group else nullcontext():
            target = stack.enter_context(tintype_on_sqlite(url, environ))
        check(target, CASE)
        body = form(image, CASE.model, arguments.images)
        asyncio.run(upload_all(target, body, 1))  # what a first request loads is not an upload's
        uploads = asyncio.run(upload_all(target, body, arguments.clients, arguments.patience))
        print_figures(uploads, len(image))


def print_figures(uploads: Uploads, image_bytes: int) -> None:
    """Print what became of the uploads."""
    statuses = ", ".join(f"{count} x {code}" for code, count in sorted(uploads.statuses.items()))
    print(f"image\t{image_bytes / 1e6:.1f} MB")
    print(f"statuses\t{statuses}; {uploads.without_retry_after} x 429 without Retry-After")
    print(f"idle\t{uploads.idle_bytes / MIB:.0f} MiB")
    print(f"peak\t{uploads.peak_bytes / MIB:.0f} MiB")
    print(f"time\t{uploads.seconds:.1f} s")


if __name__ == "__main__":
    main()
