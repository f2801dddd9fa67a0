"""Parsers whose `--help` has a description, an example and the exit codes."""

import argparse
import textwrap
from collections.abc import Mapping
from typing import Any

WIDTH = 79

DONE = "success"
WRONG_CALL = "the arguments are wrong"
WRONG_SETTING = "the arguments or the environment variables are wrong"

LEDGER_CODES = {
    0: DONE,
    1: "the ledger refused the change or is unreachable; standard error names the cause",
    2: WRONG_SETTING,
}
"""The exit codes of the commands that work on the ledger."""


def texts(description: str, *, example: str, exit_codes: Mapping[int, str]) -> dict[str, Any]:
    """Return the arguments of an `ArgumentParser` with an example and the exit codes.

    Each line of `example` is a command; `exit_codes` has the meaning of each code.
    """
    lines = ["example:", *textwrap.indent(example, "  ").splitlines(), "", "exit codes:"]
    for code, meaning in exit_codes.items():
        indent = " " * 7
        lines.append(textwrap.fill(f"  {code:<5}{meaning}", WIDTH, subsequent_indent=indent))
    return {
        "description": textwrap.fill(description, WIDTH),
        "epilog": "\n".join(lines),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


class Commands:
    """The subcommands of a parser; the selected one is its argument `command`."""

    def __init__(self, parser: argparse.ArgumentParser, exit_codes: Mapping[int, str]) -> None:
        self._parsers = parser.add_subparsers(
            dest="command", required=True, title="commands", metavar="COMMAND"
        )
        self._exit_codes = exit_codes

    def add(self, name: str, summary: str, *, example: str) -> argparse.ArgumentParser:
        """Add a subcommand; `summary` is a sentence without its capital and its period."""
        description = f"{summary[0].upper()}{summary[1:]}."
        described = texts(description, example=example, exit_codes=self._exit_codes)
        return self._parsers.add_parser(name, help=summary, **described)


def command_parser(
    prog: str, description: str, *, example: str, exit_codes: Mapping[int, str]
) -> tuple[argparse.ArgumentParser, Commands]:
    """Return the parser of a command with subcommands, and where these are added."""
    described = texts(description, example=example, exit_codes=exit_codes)
    parser = argparse.ArgumentParser(prog=prog, **described)
    return parser, Commands(parser, exit_codes)
