"""Finds, or builds once, an S3 server: Versity's gateway, which keeps objects in a folder.

`python -m tests.support.s3_program` builds it ahead of the tests and prints its path.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "v1.8.0"

MODULE = "github.com/versity/versitygw/cmd/versitygw"


class S3MissingError(Exception):
    """There is no S3 server and it cannot be built; the message says how to get it."""


def find_server() -> Path:
    """The program: `$VERSITYGW`, or one that is built (two minutes, once).

    Raises:
        S3MissingError: `$VERSITYGW` names no program, or Go is missing or failed.
    """
    if named := os.environ.get("VERSITYGW"):
        if not Path(named).is_file():
            raise S3MissingError(f"$VERSITYGW={named} is not there")
        return Path(named)
    program = _cached()
    if not program.exists():
        _build_once(program)
    return program


def is_built() -> bool:
    """Whether `find_server` returns at once."""
    return bool(os.environ.get("VERSITYGW")) or _cached().exists()


def _cached() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tintype" / "versitygw" / VERSION / "versitygw"


def _build_once(program: Path) -> None:
    """Put the program in its place in one step, whoever else is trying to."""
    folder = program.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as scratch:
            _build(Path(scratch))
            (Path(scratch) / "versitygw").rename(program)


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise S3MissingError(
            "no S3 server to test with: install Go (https://go.dev/dl), which builds one once, or "
            "let $VERSITYGW name one (https://github.com/versity/versitygw/releases)"
        )
    command = ["go", "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
    environ = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(folder)}
    built = subprocess.run(command, env=environ, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise S3MissingError(f"cannot build versitygw:\n{built.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        print(find_server())
    except S3MissingError as error:
        sys.exit(str(error))
