"""`tintype simulator` as a process of its own."""

import signal
import sys
from pathlib import Path

import pytest

from tintype_testing.cluster.processes import start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_it_ends_in_good_order_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    command = (sys.executable, "-m", "tintype_cli", "simulator", "--port", "0")
    simulator = start(tmp_path / "log", *command)
    simulator.wait_until(lambda: "serve http" in simulator.output(), 60, "its URL")

    simulator.popen.send_signal(number)

    assert simulator.exit_code(30) == 0
