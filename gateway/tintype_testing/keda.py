"""The CustomResourceDefinitions of KEDA, from its Go module."""

from pathlib import Path

from tintype_testing.cluster.building import module_source

VERSION = "v2.21.0"

NAMES = ("scaledobjects", "triggerauthentications", "clustertriggerauthentications")
"""The kinds that a release may name."""


def definitions() -> list[Path]:
    """The files with the definitions, downloaded if need be.

    Raises:
        BuildError: Go is missing or failed.
    """
    folder = module_source("github.com/kedacore/keda/v2", VERSION) / "config" / "crd" / "bases"
    return [folder / f"keda.sh_{name}.yaml" for name in NAMES]
