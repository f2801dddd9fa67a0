"""Free ports for servers of tests that run in several processes."""

import socket
import subprocess
import sys
from contextlib import suppress

from tintype_testing.cluster.processes import free_ports

ASK = "from tintype_testing.cluster.processes import free_ports; print(*free_ports(40))"


def test_no_two_processes_get_the_same_port() -> None:
    asked = [
        subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0].split() for process in asked]

    assert [len(ports) for ports in outputs] == [40, 40, 40]
    assert len(set().union(*outputs)) == 120


def test_a_port_in_use_is_skipped() -> None:
    (before,) = free_ports(1)
    with socket.socket() as taken:
        with suppress(OSError):  # another program uses the port, which serves the test as well
            taken.bind(("127.0.0.1", before + 1))
        assert before + 1 not in free_ports(20)
