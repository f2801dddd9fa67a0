"""The browser hears nothing of the machine's network interfaces, and may do all else."""

import platform
import subprocess
import sys

import pytest

from tests.playground import refuse_netlink

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in refuse_netlink.SOCKET_CALL,
    reason="the filter is for Linux, on processors that it knows",
)


@pytest.mark.parametrize(
    ("family", "expected"), [("AF_NETLINK", "PermissionError"), ("AF_INET", "made")]
)
def test_only_netlink_sockets_are_refused(family: str, expected: str) -> None:
    script = f"""
import socket
try:
    socket.socket(socket.{family}, socket.SOCK_DGRAM)
    print("made")
except OSError as error:
    print(type(error).__name__)
"""
    command = [sys.executable, refuse_netlink.__file__, sys.executable, "-c", script]

    ended = subprocess.run(command, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == expected
