"""Builds the Go programs that the tests need, once for each state of their sources."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KUBERNETES_VERSION = "v1.35.4"
"""The version that the Kubernetes programs report, which the chart's `kubeVersion` checks."""


class BuildError(Exception):
    """Go is missing or failed; the message says which."""


@dataclass(frozen=True)
class GoProgram:
    """A program in a folder with a go.mod; `names` are the names of its executables."""

    name: str
    source: Path
    names: tuple[str, ...] = ()
    version: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The path of the built program."""
        return cache() / self.name / self._key()

    def build(self) -> Path:
        """The folder of the program, built if need be (some minutes, once).

        Raises:
            BuildError: It is not built, and cannot be.
        """
        return filled(self.folder, self._compile)

    def _key(self) -> str:
        digest = hashlib.sha256(self.version.encode())
        for name in ("go.mod", "go.sum", "main.go"):
            if (self.source / name).exists():
                digest.update((self.source / name).read_bytes())
        return digest.hexdigest()[:16]

    def _compile(self, folder: Path) -> None:
        flags = "-s -w" + "".join(f" -X {name}={text}" for name, text in self.variables.items())
        run_go(
            *("build", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={flags}"),
            *("-o", str(folder / self.name), "."),
            cwd=self.source,
        )
        for name in self.names:
            (folder / name).symlink_to(self.name)


@dataclass(frozen=True)
class GoModule:
    """A program of a published module, named like the last part of its path."""

    module: str
    version: str

    @property
    def program(self) -> Path:
        """The path of the built program."""
        name = self.module.rpartition("/")[2]
        return cache() / name / self.version / name

    def build(self) -> Path:
        """The program, built if need be (some minutes, once).

        Raises:
            BuildError: It is not built, and cannot be.
        """
        filled(self.program.parent, self._compile)
        return self.program

    def _compile(self, folder: Path) -> None:
        target = f"{self.module}@{self.version}"
        run_go("install", "-trimpath", "-ldflags=-s -w", target, GOBIN=str(folder))


def filled(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return the folder; build it atomically if it is missing, also with concurrent builders."""
    if folder.exists():
        return folder
    parent = folder.parent
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / "lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=parent, prefix="building-") as scratch:
                fill(Path(scratch) / "bin")
                (Path(scratch) / "bin").rename(folder)
    return folder


def module_source(module: str, version: str) -> Path:
    """The folder with the files of a published module, downloaded if need be.

    Raises:
        BuildError: Go is missing, or failed.
    """
    described = run_go("mod", "download", "-json", f"{module}@{version}", cwd=Path("/"))
    return Path(json.loads(described)["Dir"])


def run_go(command: str, *arguments: str, cwd: Path | None = None, **environ: str) -> str:
    """Run Go without C, and return its output.

    Raises:
        BuildError: It is missing, or failed.
    """
    if shutil.which("go") is None:
        raise BuildError("Go is not installed (https://go.dev/dl)")
    ran = subprocess.run(
        ["go", command, *arguments],
        cwd=cwd,
        env=os.environ | {"CGO_ENABLED": "0"} | environ,
        capture_output=True,
        text=True,
    )
    if ran.returncode != 0:
        raise BuildError(f"go {command} failed:\n{ran.stderr[-2000:]}")
    return ran.stdout


def kubernetes_variables() -> dict[str, str]:
    """The Go variables that hold the version of a program of Kubernetes."""
    package = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    variables = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return {f"{package}.{name}": text for name, text in variables.items()}


def cache() -> Path:
    """The folder of programs that are built once for many test runs."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tintype"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock, on which other processes wait."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
