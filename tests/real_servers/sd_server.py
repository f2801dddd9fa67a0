"""Builds and starts sd-server of stable-diffusion.cpp, with a model of random numbers.

Its C++ sources are in the sdist of `stable-diffusion-cpp-python`. `python -m
tests.real_servers.sd_server` builds it ahead of the tests, and prints where it is.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from tests.real_servers import sd_model
from tintype_testing.cluster.building import BuildError, cache, filled
from tintype_testing.cluster.processes import Process, free_ports, start

PINNED = Path(__file__).parent / "requirements.txt"

READER, SOURCES = "scikit-build-core", "stable-diffusion-cpp-python"

OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    *("-DSD_SERVER_BUILD_FRONTEND=OFF", "-DSD_WEBP=OFF", "-DSD_WEBM=OFF"),
)
"""A server without a page for browsers, and without the formats whose sources are elsewhere."""

STEPS = 1
"""Of the sampler: enough to tell seeds and prompts apart."""

MODEL, AUTOENCODER = "model.safetensors", "autoencoder.safetensors"

START_SECONDS = 120


@dataclass(frozen=True)
class SdServer:
    """A running server, and what it writes while it works."""

    url: str
    process: Process


def build_server() -> Path:
    """Return the program, built if need be (six minutes of one core, once).

    Raises:
        BuildError: It is not built, and cannot be.
    """
    key = _digest(PINNED.read_bytes(), repr(OPTIONS).encode())
    return filled(cache() / "sd-server" / key, _build) / "sd-server"


def write_models() -> Path:
    """Return the folder with `MODEL` and `AUTOENCODER`, written if need be (890 MB, once)."""
    key = _digest(Path(sd_model.__file__).read_bytes())
    return filled(cache() / "sd-model" / key, _write)


@contextmanager
def running(log: Path, *options: str) -> Iterator[SdServer]:
    """Run the server on a free port, with further options.

    Raises:
        BuildError: It cannot be built.
        AssertionError: It does not start; the message has its log.
    """
    program, models = build_server(), write_models()
    [port] = free_ports(1)
    process = start(
        log,
        *(program, "--listen-port", port, "--steps", STEPS, "--cfg-scale", 1),
        *("--model", models / MODEL, "--tae", models / AUTOENCODER, *options),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        process.wait_until(lambda: _responds(url), START_SECONDS, "sd-server listens")
        yield SdServer(url, process)
    finally:
        process.popen.kill()  # it does not end before the image that it works on
        process.popen.wait()


def _build(folder: Path) -> None:
    folder.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        [archive] = _fetched(here)
        with tarfile.open(archive) as packed:
            packed.extractall(here, filter="data")
        [sources] = here.glob("*/vendor/stable-diffusion.cpp")
        _run("cmake", "-S", sources, "-B", here / "build", *OPTIONS)
        _run("cmake", "--build", here / "build", "--target", "sd-server", "-j", os.cpu_count() or 1)
        (here / "build" / "bin" / "sd-server").rename(folder / "sd-server")


def _fetched(folder: Path) -> Iterator[Path]:
    """Yield the archive of the sources, whose metadata pip reads with the sources' own builder."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    exact = ("--no-deps", "--require-hashes")
    reader, sources = folder / "reader.txt", folder / "sources.txt"
    reader.write_text(_pin(READER))
    sources.write_text(_pin(SOURCES))
    _run(*pip, "install", *exact, "--target", folder / "reader", "-r", reader)
    _run(
        *(*pip, "download", *exact, "--no-build-isolation", "-r", sources, "-d", folder / "sdist"),
        environ={"PYTHONPATH": str(folder / "reader")},
    )
    yield from (folder / "sdist").iterdir()


def _pin(name: str) -> str:
    """Return the lines of the pinned requirements that are of one package."""
    lines = PINNED.read_text().replace("\\\n", " ").splitlines()
    [line] = [line for line in lines if line.startswith(f"{name}==")]
    return line


def _write(folder: Path) -> None:
    folder.mkdir()
    sd_model.write(folder / MODEL, sd_model.text_encoder() | sd_model.unet())
    sd_model.write(folder / AUTOENCODER, sd_model.autoencoder())


def _run(*command: object, environ: dict[str, str] | None = None) -> None:
    """Run a command to its end.

    Raises:
        BuildError: It is not installed, or failed; the message has the end of its output.
    """
    parts = [str(part) for part in command]
    try:
        ended = subprocess.run(
            parts, env=os.environ | (environ or {}), capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise BuildError(f"{parts[0]} is not installed (apt-get install cmake g++)") from error
    if ended.returncode != 0:
        raise BuildError(f"{' '.join(parts)} failed:\n{(ended.stdout + ended.stderr)[-2000:]}")


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/models", timeout=5) as response:  # noqa: S310 - http
            return bool(response.status == 200)
    except URLError:
        return False


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()[:16]


if __name__ == "__main__":
    try:
        print(build_server())
        print(write_models())
    except BuildError as error:
        sys.exit(str(error))
