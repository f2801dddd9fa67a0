"""Finds, or builds once, the programs of a Kubernetes control plane.

`python -m tests.cluster.binaries` builds them ahead of the tests and prints the folder.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).parent / "controlplane"
"""A Go program that is the whole control plane; its go.mod says which Kubernetes."""

KUBERNETES_VERSION = "v1.35.4"
"""What the API server reports; without it a chart's `kubeVersion` would refuse the cluster."""

REQUIRED = ("etcd", "kube-apiserver", "kubectl")
"""What envtest ships, too; the controller manager is used where there is one."""

PROGRAMS = (*REQUIRED, "kube-controller-manager")


class BinariesMissingError(Exception):
    """There are no programs and they cannot be built; the message says how to get them."""


def find_binaries() -> Path:
    """The folder that holds the programs, built if need be (some minutes, once).

    Raises:
        BinariesMissingError: `$KUBEBUILDER_ASSETS` is incomplete, or Go is missing or failed.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return _complete(Path(assets))
    folder = _cache() / _key()
    if not folder.exists():
        _build_once(folder)
    return folder


def is_built() -> bool:
    """Whether `find_binaries` returns at once."""
    return bool(os.environ.get("KUBEBUILDER_ASSETS")) or (_cache() / _key()).exists()


def _complete(assets: Path) -> Path:
    absent = [name for name in REQUIRED if not (assets / name).is_file()]
    if absent:
        raise BinariesMissingError(f"$KUBEBUILDER_ASSETS={assets} lacks {', '.join(absent)}")
    return assets


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "tintype" / "controlplane"


def _key() -> str:
    digest = hashlib.sha256(KUBERNETES_VERSION.encode())
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()[:16]


def _build_once(folder: Path) -> None:
    """Fill `folder` in one step, whoever else is trying to."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.parent / "lock"):
        if folder.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as scratch:
            _build(Path(scratch) / "bin")
            (Path(scratch) / "bin").rename(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise BinariesMissingError(
            "no control plane to test with: install Go (https://go.dev/dl), which builds one once, "
            "or point $KUBEBUILDER_ASSETS at the folder that `setup-envtest use -p path` prints"
        )
    command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    command += [f"-ldflags={_linker_flags()}", "-o", str(folder / "controlplane"), "."]
    environ = os.environ | {"CGO_ENABLED": "0"}
    built = subprocess.run(command, cwd=SOURCE, env=environ, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        raise BinariesMissingError(f"cannot build the control plane:\n{built.stderr[-2000:]}")
    for name in PROGRAMS:
        (folder / name).symlink_to("controlplane")


def _linker_flags() -> str:
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    variables = {"gitVersion": KUBERNETES_VERSION, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {package}.{name}={text}" for name, text in variables.items())


if __name__ == "__main__":
    try:
        print(find_binaries())
    except BinariesMissingError as error:
        sys.exit(str(error))
