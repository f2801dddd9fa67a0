"""An operator in a separate namespace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tintype_testing.cluster.control_plane import ControlPlane
from tintype_testing.operator import Operator, operator_in_namespace


@pytest.fixture
def operator(cluster_with_crds: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    """An operator that is not started yet."""
    with operator_in_namespace(cluster_with_crds, namespace, tmp_path) as operator:
        yield operator


@pytest.fixture
def running(operator: Operator) -> Operator:
    """An operator that has published its first, empty catalog."""
    operator.start()
    operator.wait_for_models()
    return operator
