"""A gateway with simulated providers, and commands that request images from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Run, commands_for
from tintype_testing.gateway_process import GatewayProcess, running_process


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        yield gateway


@pytest.fixture
def run_command(gateway: GatewayProcess, tmp_path: Path) -> Run:
    """`tintype` in an empty folder, with the key of the demo account."""
    return commands_for(gateway, tmp_path)
