"""All commands of `tintype`, found by following the help texts."""

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache

from tintype_cli.__main__ import main

Path = tuple[str, ...]
"""The words that call a command, without `tintype`."""


def called(*arguments: str) -> int:
    """The exit code of `tintype` in this process."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


@cache
def help_of(path: Path) -> str:
    """The output of the command with `--help`, which must exit with 0."""
    with redirect_stdout(io.StringIO()) as out:
        assert called(*path, "--help") == 0
    return out.getvalue()


def section(text: str, title: str) -> list[str]:
    """The lines of a help text below a title, up to an empty line."""
    lines = text.splitlines()
    if f"{title}:" not in lines:
        return []
    below = lines[lines.index(f"{title}:") + 1 :]
    return below[: below.index("")] if "" in below else below


def children(path: Path) -> dict[str, str]:
    """The subcommands of a command, with their summaries."""
    wrapped = "\n".join(section(help_of(path), "commands"))
    lines = re.sub(r"\n {8,}(?=\S)", "  ", wrapped).splitlines()
    found = (re.match(r" {2,4}([a-z][a-z-]*)(?: +(.*))?$", line) for line in lines)
    return {match[1]: match[2] or "" for match in found if match}


def exit_codes(path: Path) -> dict[int, str]:
    """The exit codes in a help text, with their meanings."""
    lines = section(help_of(path), "exit codes")
    found = (re.match(r"  (\d+) +(\S.*)$", line) for line in lines)
    return {int(match[1]): match[2] for match in found if match}


def _walk(path: Path) -> Iterator[Path]:
    yield path
    for name in children(path):
        yield from _walk((*path, name))


COMMANDS = list(_walk(()))
"""Every command, the program itself first."""
