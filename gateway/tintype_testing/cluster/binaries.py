"""Finds, or builds once, the programs of a Kubernetes control plane.

`python -m tintype_testing.cluster.binaries` builds them ahead of the tests and prints the folder.
"""

import os
import sys
from pathlib import Path

from tintype_testing.cluster.building import (
    KUBERNETES_VERSION,
    BuildError,
    GoProgram,
    kubernetes_variables,
)

REQUIRED = ("etcd", "kube-apiserver", "kubectl")
"""The programs that envtest ships as well; the controller manager is optional."""

CONTROL_PLANE = GoProgram(
    "controlplane",
    Path(__file__).parent / "controlplane",
    names=(*REQUIRED, "kube-controller-manager"),
    version=KUBERNETES_VERSION,
    variables=kubernetes_variables(),
)
"""The source of the control plane; its go.mod names the Kubernetes version."""


class BinariesMissingError(Exception):
    """The programs are missing and cannot be built; the message says how to install them."""


def find_binaries() -> Path:
    """The folder that holds the programs, built if need be (some minutes, once).

    Raises:
        BinariesMissingError: `$KUBEBUILDER_ASSETS` is incomplete, or Go is missing or failed.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return _complete(Path(assets))
    try:
        return CONTROL_PLANE.build()
    except BuildError as error:
        raise BinariesMissingError(
            "no control plane to test with: install Go (https://go.dev/dl), which builds one once, "
            "or point $KUBEBUILDER_ASSETS at the folder that `setup-envtest use -p path` prints. "
            f"{error}"
        ) from error


def is_built() -> bool:
    """Whether `find_binaries` returns without a build."""
    return bool(os.environ.get("KUBEBUILDER_ASSETS")) or CONTROL_PLANE.folder.exists()


def _complete(assets: Path) -> Path:
    absent = [name for name in REQUIRED if not (assets / name).is_file()]
    if absent:
        raise BinariesMissingError(f"$KUBEBUILDER_ASSETS={assets} lacks {', '.join(absent)}")
    return assets


if __name__ == "__main__":
    try:
        print(find_binaries())
    except BinariesMissingError as error:
        sys.exit(str(error))
