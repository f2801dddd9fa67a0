"""A gateway with simulated providers, and commands that request images from it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Run
from tintype_testing.cluster.processes import run_tintype
from tintype_testing.gateway_process import GatewayProcess, clean_environ, running_process


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        yield gateway


@pytest.fixture
def run_command(gateway: GatewayProcess, tmp_path: Path) -> Run:
    """`tintype` in an empty folder, with the key of the demo account."""

    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        given = {"TINTYPE_API_KEY": gateway.demo_key, "TINTYPE_BASE_URL": gateway.url}
        return run_tintype(*arguments, environ=clean_environ() | given | environ, folder=tmp_path)

    return run
