"""Finds, or builds once, the program `helm`.

`python -m tests.charts.helm` builds it ahead of the tests and prints its path.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "v3.22.0"

MODULE = "helm.sh/helm/v3/cmd/helm"


class HelmMissingError(Exception):
    """There is no helm and it cannot be built; the message says how to get it."""


def find_helm() -> Path:
    """The program: `$HELM`, or that on the PATH, or one that is built (minutes, once).

    Raises:
        HelmMissingError: `$HELM` names no program, or Go is missing or failed.
    """
    if named := os.environ.get("HELM"):
        if not Path(named).is_file():
            raise HelmMissingError(f"$HELM={named} is not there")
        return Path(named)
    if found := shutil.which("helm"):
        return Path(found)
    program = _cached()
    if not program.exists():
        _build_once(program)
    return program


def is_built() -> bool:
    """Whether `find_helm` returns at once."""
    return bool(os.environ.get("HELM") or shutil.which("helm")) or _cached().exists()


def _cached() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tintype" / "helm" / VERSION / "helm"


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
            (Path(scratch) / "helm").rename(program)


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise HelmMissingError(
            "no helm to test the chart with: install it (https://helm.sh/docs/intro/install), or "
            "Go (https://go.dev/dl), which builds one once, or set $HELM"
        )
    command = ["go", "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
    environ = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(folder)}
    built = subprocess.run(command, env=environ, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise HelmMissingError(f"cannot build helm:\n{built.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        print(find_helm())
    except HelmMissingError as error:
        sys.exit(str(error))
