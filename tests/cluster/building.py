"""Builds the Go programs that the tests need, once for each state of their sources."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KUBERNETES_VERSION = "v1.35.4"
"""What the programs of Kubernetes report; without it a chart's `kubeVersion` would refuse them."""


class BuildError(Exception):
    """Go is missing or failed; the message says which."""


@dataclass(frozen=True)
class GoProgram:
    """A program of a folder with its own go.mod; `names` are those it is called by."""

    name: str
    source: Path
    names: tuple[str, ...] = ()
    version: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the built program is, or will be."""
        return cache() / self.name / self._key()

    def build(self) -> Path:
        """The folder of the program, built if need be (some minutes, once).

        Raises:
            BuildError: It is not built, and cannot be.
        """
        if not self.folder.exists():
            self._build_once()
        return self.folder

    def _key(self) -> str:
        digest = hashlib.sha256(self.version.encode())
        for name in ("go.mod", "go.sum", "main.go"):
            if (self.source / name).exists():
                digest.update((self.source / name).read_bytes())
        return digest.hexdigest()[:16]

    def _build_once(self) -> None:
        """Fill the folder in one step, whoever else is trying to."""
        parent = self.folder.parent
        parent.mkdir(parents=True, exist_ok=True)
        with locked(parent / "lock"):
            if self.folder.exists():
                return
            with tempfile.TemporaryDirectory(dir=parent, prefix="building-") as scratch:
                self._compile(Path(scratch) / "bin")
                (Path(scratch) / "bin").rename(self.folder)

    def _compile(self, folder: Path) -> None:
        if shutil.which("go") is None:
            raise BuildError("Go is not installed (https://go.dev/dl)")
        command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        command += [f"-ldflags={self._linker_flags()}", "-o", str(folder / self.name), "."]
        environ = os.environ | {"CGO_ENABLED": "0"}
        built = subprocess.run(
            command, cwd=self.source, env=environ, stderr=subprocess.PIPE, text=True
        )
        if built.returncode != 0:
            raise BuildError(f"go build failed:\n{built.stderr[-2000:]}")
        for name in self.names:
            (folder / name).symlink_to(self.name)

    def _linker_flags(self) -> str:
        return "-s -w" + "".join(f" -X {name}={text}" for name, text in self.variables.items())


def kubernetes_variables() -> dict[str, str]:
    """The Go variables that hold the version of a program of Kubernetes."""
    package = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    variables = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return {f"{package}.{name}": text for name, text in variables.items()}


def cache() -> Path:
    """The folder of what is built once for many runs of the tests."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tintype"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes, which lock the same file, waiting."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
