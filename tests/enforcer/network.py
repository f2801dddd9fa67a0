"""A node and its pods as network namespaces, in which nothing runs but sockets of the test.

Each pod has an address, and a route to all others through the node, as with most networks of
Kubernetes. Nothing of the machine's own network changes.
"""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

CLONE_NEWNET = 0x40000000

GATEWAY = "169.254.1.1"
"""The next hop of all pods: an address of the node's end of each link."""

NODE_ADDRESS = "10.77.0.1"

CONNECT_SECONDS = 2
"""How long a connection may take, which nothing but a policy keeps from being made."""

Result = TypeVar("Result")


class Namespaces:
    """The namespaces of one test, whose names begin with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._sockets: list[socket.socket] = []
        self._names: list[str] = []
        self.node = self._add("node")
        _run("ip", "netns", "exec", self.node, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        _run("ip", "-n", self.node, "addr", "add", f"{NODE_ADDRESS}/32", "dev", "lo")

    def pod(self, number: int, address: str) -> str:
        """Add a namespace with an address, and return its name."""
        name, link = self._add(f"pod{number}"), f"{self._prefix}{number}"
        _run(
            "ip",
            "-n",
            self.node,
            "link",
            "add",
            link,
            "type",
            "veth",
            "peer",
            "eth0",
            "netns",
            name,
        )
        _run("ip", "-n", self.node, "addr", "add", f"{GATEWAY}/32", "dev", link)
        _run("ip", "-n", self.node, "link", "set", link, "up")
        _run("ip", "-n", self.node, "route", "add", f"{address}/32", "dev", link)
        _run("ip", "-n", name, "addr", "add", f"{address}/32", "dev", "eth0")
        _run("ip", "-n", name, "link", "set", "eth0", "up")
        _run("ip", "-n", name, "route", "add", f"{GATEWAY}/32", "dev", "eth0")
        _run("ip", "-n", name, "route", "add", "default", "via", GATEWAY)
        return name

    def listen(self, namespace: str, port: int, host: str = "0.0.0.0") -> socket.socket:  # noqa: S104
        """Accept connections to a port in a namespace."""

        def bound() -> socket.socket:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
            return listener

        listener = _in_namespace(namespace, bound)
        self._sockets.append(listener)
        return listener

    def connects(self, namespace: str, address: str, port: int) -> bool:
        """Whether a connection from a namespace is made."""

        def attempt() -> bool:
            with suppress(OSError), socket.create_connection((address, port), CONNECT_SECONDS):
                return True
            return False

        return _in_namespace(namespace, attempt)

    def forward(self, namespace: str, port: int) -> None:
        """Let a loopback port in a namespace lead to the same port of this machine."""
        listener = self.listen(namespace, port, "127.0.0.1")

        def accept() -> None:
            with suppress(OSError):  # closed
                while True:
                    inner, _ = listener.accept()
                    outer = socket.create_connection(("127.0.0.1", port))
                    self._sockets += [inner, outer]
                    for source, target in ((inner, outer), (outer, inner)):
                        threading.Thread(target=_copy, args=(source, target), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for name in self._names:
            _run("ip", "netns", "delete", name)

    def _add(self, name: str) -> str:
        full = f"{self._prefix}-{name}"
        _run("ip", "netns", "add", full)
        self._names.append(full)
        _run("ip", "-n", full, "link", "set", "lo", "up")
        return full


@contextmanager
def namespaces(prefix: str) -> Iterator[Namespaces]:
    """Give namespaces that go with the block."""
    made = Namespaces(prefix)
    try:
        yield made
    finally:
        made.close()


def _in_namespace(name: str, work: Callable[[], Result]) -> Result:
    """Do something on a thread of its own that is in a network namespace."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/run/netns/{name}").open() as file:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stderr}"
