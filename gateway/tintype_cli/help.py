"""The parsers of commands: each has a description, an example and its exit codes."""

import argparse
import textwrap
from collections.abc import Mapping
from typing import Any, cast

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


class CommandParser(argparse.ArgumentParser):
    """The parser of a command or a subcommand, whose `--help` tells all that a caller needs.

    Each line of `example` is a command; `exit_codes` has the meaning of each code. Help, completion
    scripts, the manual page and the tests read them here.
    """

    def __init__(
        self,
        *,
        example: str = "",
        exit_codes: Mapping[int, str] | None = None,
        description: str = "",
        **rest: Any,
    ) -> None:
        self.examples = tuple(example.splitlines())
        self.exit_codes = dict(exit_codes or {})
        self.commands: dict[str, CommandParser] = {}
        self.summaries: dict[str, str] = {}
        super().__init__(
            description=textwrap.fill(description, WIDTH),
            epilog=self._epilog(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **rest,
        )

    @property
    def arguments(self) -> tuple[argparse.Action, ...]:
        """The arguments and flags, without `--help` and the subcommands."""
        of_argparse = (argparse._HelpAction, argparse._SubParsersAction)
        return tuple(each for each in self._actions if not isinstance(each, of_argparse))

    def _epilog(self) -> str:
        lines = ["example:", *(f"  {line}" for line in self.examples), "", "exit codes:"]
        for code, meaning in self.exit_codes.items():
            indent = " " * 7
            lines.append(textwrap.fill(f"  {code:<5}{meaning}", WIDTH, subsequent_indent=indent))
        return "\n".join(lines)


def texts(description: str, *, example: str, exit_codes: Mapping[int, str]) -> dict[str, Any]:
    """Return the arguments of a `CommandParser` that describe a command."""
    return {"description": description, "example": example, "exit_codes": exit_codes}


def _sub_parser(*, parser: CommandParser | None = None, **arguments: Any) -> CommandParser:
    """Return the parser of a subcommand: the given one, or a new one."""
    return parser or CommandParser(**arguments)


class Commands:
    """The subcommands of a parser; the selected one is its argument `command`."""

    def __init__(self, parser: CommandParser) -> None:
        self._parent = parser
        self._parsers = parser.add_subparsers(
            dest="command",
            required=True,
            title="commands",
            metavar="COMMAND",
            parser_class=cast(type[CommandParser], _sub_parser),
        )

    def add(self, name: str, summary: str, *, example: str) -> CommandParser:
        """Add a subcommand; `summary` is a sentence without its capital and its period."""
        return self._add(
            name,
            summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            example=example,
            exit_codes=self._parent.exit_codes,
        )

    def attach(self, name: str, summary: str, parser: CommandParser) -> CommandParser:
        """Add a subcommand that has its parser."""
        return self._add(name, summary, parser=parser)

    def _add(self, name: str, summary: str, **arguments: Any) -> CommandParser:
        parser = self._parsers.add_parser(name, help=summary, **arguments)
        self._parent.commands[name] = parser
        self._parent.summaries[name] = summary
        return parser


def command_parser(
    prog: str, description: str, *, example: str, exit_codes: Mapping[int, str]
) -> tuple[CommandParser, Commands]:
    """Return the parser of a command with subcommands, and where these are added."""
    parser = CommandParser(prog=prog, **texts(description, example=example, exit_codes=exit_codes))
    return parser, Commands(parser)
