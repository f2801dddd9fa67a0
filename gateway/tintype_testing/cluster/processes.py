"""Programs that run beside the tests, with their logs."""

import fcntl
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from tintype_testing.cluster.building import cache
from tintype_testing.forked import Forked
from tintype_testing.waiting import eventually_blocking

PORTS = range(12_000, 30_000)
"""Ports below Linux's ephemeral range, and between the ranges of Kubernetes."""

RUN_SECONDS = 240

STOP_SECONDS = 60
"""How long a program may take to end after SIGTERM; a loaded machine is slow."""


class Child(Protocol):
    """A running program: `subprocess.Popen`, or a process that was forked."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Process:
    """A running program and where its output goes."""

    popen: Child
    log: Path

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until `ready` returns true.

        Raises:
            AssertionError: The program ended before, or took longer than `seconds`.
        """

        def is_ready() -> bool:
            found = ready()
            assert found or self.running(), f"ended before {what}"
            return found

        try:
            eventually_blocking(is_ready, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()[-4000:]}") from None

    def exit_code(self, seconds: float) -> int:
        """Wait for the program to exit by itself, and return its exit code."""
        return self.popen.wait(seconds)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Send SIGTERM, and return the exit code."""
        if self.running():
            self.popen.terminate()
        return self.popen.wait(seconds)


def start(log: Path, *command: object, environ: Mapping[str, str] = os.environ) -> Process:
    """Start a program whose output is appended to `log`."""
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
        )
    return Process(popen, log)


_forks = False
"""Whether commands of `tintype` are forked from one process that has imported the program."""


def fork_commands() -> None:
    """Fork commands of `tintype` from now on. The tests want that, and a benchmark does not."""
    global _forks
    _forks = True


def start_tintype(
    log: Path, *arguments: object, environ: Mapping[str, str] = os.environ
) -> Process:
    """Start a command of `tintype` whose output is appended to `log`."""
    return Process(tintype_child(arguments, environ, Path.cwd(), log, log), log)


def tintype_child(
    arguments: Iterable[object],
    environ: Mapping[str, str],
    folder: Path,
    stdout: Path,
    stderr: Path,
) -> Child:
    """Start a command of `tintype` in a folder. Its output is appended to these files."""
    words = tuple(str(argument) for argument in arguments)
    with stdout.open("ab") as out, stderr.open("ab") as err:  # they are there when this returns
        if _forks:
            return Forked(words, environ, folder, stdout, stderr)
        return subprocess.Popen(
            [sys.executable, "-m", "tintype_cli", *words],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )


def run_tintype(
    *arguments: object, environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command of `tintype` in a folder to its end.

    Raises:
        subprocess.TimeoutExpired: It takes more than `RUN_SECONDS`.
    """
    with TemporaryDirectory() as own:
        stdout, stderr = Path(own, "stdout"), Path(own, "stderr")
        child = tintype_child(arguments, environ, folder or Path.cwd(), stdout, stderr)
        try:
            code = child.wait(RUN_SECONDS)
        finally:
            child.kill()
        words = [str(argument) for argument in arguments]
        return subprocess.CompletedProcess(words, code, stdout.read_text(), stderr.read_text())


def free_ports(count: int) -> list[int]:
    """Different TCP ports of the loopback interface that are free now.

    The system gives them to no connection, and each call gives others, whichever process makes it:
    a server can be started late, and again, on a port of its own.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "ports").open("a+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        last = int(turn.read() or PORTS.start)
        ports = list(itertools.islice(filter(_is_free, _after(last)), count))
        turn.truncate(0)
        turn.write(str(ports[-1]))
    return ports


def _after(last: int) -> Iterator[int]:
    turns = itertools.cycle(PORTS)
    return itertools.islice(turns, last - PORTS.start + 1, None)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
