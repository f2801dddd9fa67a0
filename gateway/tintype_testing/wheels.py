"""Downloads the wheels of lock files once, for environments without a package index.

`python -m tintype_testing.wheels` downloads those of the gateway ahead of the tests.
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tintype_testing.cluster.building import cache, filled
from tintype_testing.locks import FOLDER

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class DownloadError(Exception):
    """pip failed; the message says why."""


def downloaded(name: str, python: str, locks: Sequence[Path]) -> Path:
    """A folder with the wheels of lock files for a Python such as `3.11`.

    Raises:
        DownloadError: The package index has not what is locked.
    """
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]

    def download(folder: Path) -> None:
        for lock in locks:
            _download(lock, python, folder)

    return filled(cache() / "wheels" / f"{name}-{python}-{digest}", download)


def gateway_wheels() -> Path:
    """Those of a gateway, for the Python that runs this.

    Raises:
        DownloadError: The package index has not what is locked.
    """
    return downloaded("gateway", PYTHON, [FOLDER / "build.txt", FOLDER / "gateway.txt"])


def _download(lock: Path, python: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    exact = ("--no-deps", "--require-hashes", f"--python-version={python}")
    ended = subprocess.run(
        [*command, *exact, f"--requirement={lock}", f"--dest={folder}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    if ended.returncode != 0:
        raise DownloadError(f"pip download {lock.name}: {ended.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        print(gateway_wheels())
    except DownloadError as error:
        sys.exit(str(error))
