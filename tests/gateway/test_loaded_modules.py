"""A gateway loads what its settings need: each of these parts takes megabytes at the start."""

import subprocess
import sys

import pytest

PROGRAM = "import sys, tintype_gateway.server; print(*sorted(sys.modules))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules of a gateway that has not read its settings yet."""
    command = [sys.executable, "-c", PROGRAM]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "module",
    ["aioboto3", "asyncpg", "cryptography", "jwt", "opentelemetry", "pi_heif", "tintype_simulator"],
)
def test_a_part_that_few_gateways_need_is_not_loaded_at_the_start(
    loaded: set[str], module: str
) -> None:
    assert "tintype_gateway.pipeline.pipeline" in loaded
    assert module not in loaded
