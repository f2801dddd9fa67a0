"""Commands of `tintype` in processes of their own, forked from one that has imported the program.

To import it takes more than a second of CPU time. A suite that starts hundreds of gateways, and
looks at nothing that happens before their `main`, need not wait for that hundreds of times.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

IMPORTED = (
    *("tintype_cli.__main__", "tintype_cli.gateway", "tintype_cli.operator", "tintype_cli.ledger"),
    *("tintype_cli.simulator", "tintype_simulator.app", "asyncpg", __name__),
)
"""What the process that is forked has imported."""

OUTPUT = "output"


class Forked:
    """A command in a process of its own, with the methods of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        environ: Mapping[str, str],
        folder: Path,
        stdout: Path,
        stderr: Path,
    ) -> None:
        """Run a command in a folder, with no environment but this one; its output is appended."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*IMPORTED])
        own = (arguments, dict(environ), folder, stdout.absolute(), stderr.absolute())
        self._process: ForkServerProcess = context.Process(target=_run, args=own, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self._asking = threading.Lock()

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None until it is known that it has ended."""
        return self.poll()

    def poll(self) -> int | None:
        with self._asking:  # its exit code can be read once
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit, and return the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs after `timeout` seconds.
        """
        wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("tintype", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True)
class Command:
    """A running command, and what it writes to its output and to its errors."""

    process: Forked
    output: TextIO


@contextmanager
def running_command(folder: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[Command]:
    """Run a command in a folder, with no environment but this one, and kill it in the end."""
    pipe = folder / OUTPUT
    os.mkfifo(pipe)
    process = Forked(arguments, environ, folder, pipe, pipe)
    try:
        with pipe.open() as output:
            yield Command(process, output)
    finally:
        process.kill()
        process.wait()
        pipe.unlink()


def _run(
    arguments: tuple[str, ...], environ: dict[str, str], folder: Path, stdout: Path, stderr: Path
) -> None:
    """Become the command."""
    from tintype_cli.__main__ import main

    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    for path, stream in ((stdout, sys.stdout), (stderr, sys.stderr)):
        with path.open("a") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["tintype", *arguments]
    sys.exit(main(arguments))
