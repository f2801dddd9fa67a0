"""Commands of `tintype` in processes of their own, forked from one that has imported the program.

To import it takes more than a second. A test that starts a hundred gateways, and looks at nothing
that happens before their `main`, need not wait for that a hundred times.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

IMPORTED = ("tintype_cli.__main__", "tintype_cli.gateway", "tintype_cli.ledger", __name__)
"""What the process that is forked has imported."""

OUTPUT = "output"


@dataclass(frozen=True)
class Command:
    """A running command, and what it writes to its output and to its errors."""

    process: ForkServerProcess
    output: TextIO


@contextmanager
def running_command(folder: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[Command]:
    """Run a command in a folder, with no environment but this one, and kill it in the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    pipe = folder / OUTPUT
    os.mkfifo(pipe)
    process = context.Process(target=_run, args=(folder, dict(environ), arguments))
    process.start()
    try:
        with pipe.open() as output:
            yield Command(process, output)
    finally:
        process.kill()
        process.join()
        pipe.unlink()


def _run(folder: Path, environ: dict[str, str], arguments: tuple[str, ...]) -> None:
    """Become the command."""
    from tintype_cli.__main__ import main

    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    with (folder / OUTPUT).open("w") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    sys.exit(main(arguments))
