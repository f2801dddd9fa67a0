"""Finds, or builds once, the program `helm`.

`python -m tintype_testing.helm` builds it ahead of the tests and prints its path.
"""

import os
import shutil
import sys
from pathlib import Path

from tintype_testing.cluster.building import BuildError, GoModule

HELM = GoModule("helm.sh/helm/v3/cmd/helm", "v3.22.0")


class HelmMissingError(Exception):
    """helm is missing and cannot be built; the message says how to install it."""


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
    try:
        return HELM.build()
    except BuildError as error:
        raise HelmMissingError(
            "no helm to test the chart with: install it (https://helm.sh/docs/intro/install), or "
            f"Go (https://go.dev/dl), which builds one once, or set $HELM. {error}"
        ) from error


def is_built() -> bool:
    """Whether `find_helm` returns without a build."""
    return bool(os.environ.get("HELM") or shutil.which("helm")) or HELM.program.exists()


if __name__ == "__main__":
    try:
        print(find_helm())
    except HelmMissingError as error:
        sys.exit(str(error))
