"""`tintype simulator` as a process of its own."""

import signal
import sys
from pathlib import Path

import pytest

from tintype_testing.cluster.processes import start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_ends_the_program_with_success(tmp_path: Path, number: signal.Signals) -> None:
    command = (sys.executable, "-m", "tintype_cli", "simulator", "--port", "0")
    simulator = start(tmp_path / "log", *command)
    simulator.wait_until(lambda: "serve http" in simulator.output(), 60, "its URL")

    simulator.popen.send_signal(number)

    assert simulator.exit_code(30) == 0
