"""Runs the machine's tools."""

import subprocess
from pathlib import Path


class CommandError(Exception):
    """A tool failed; the message contains its output."""


def run(*command: str | Path, stdin: str | None = None, cwd: Path | None = None) -> str:
    """Return the output of a command.

    Raises:
        CommandError: It fails.
    """
    ended = subprocess.run(
        [str(part) for part in command], input=stdin, cwd=cwd, capture_output=True, text=True
    )
    if ended.returncode != 0:
        said = (ended.stdout + ended.stderr)[-4000:]
        raise CommandError(f"{' '.join(map(str, command))}:\n{said}")
    return ended.stdout


def attempt(*command: str | Path) -> bool:
    """Whether a command succeeds, regardless of its output."""
    return subprocess.run([str(part) for part in command], capture_output=True).returncode == 0
