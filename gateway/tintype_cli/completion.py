"""`tintype completion`: writes the script that completes commands and flags in a shell."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from tintype_cli.help import DONE, WRONG_CALL, CommandParser, texts

PROGRAM = "tintype completion"

SHELLS = ("bash", "zsh", "fish")

FOLDER = "DIR"
"""The metavar of arguments that are folders."""

FILES = ("FILE", "IMAGE")
"""The metavars of arguments that are files; those of the type `Path` are, too."""


def main(argv: Sequence[str]) -> int:
    """Print the script, and return the exit code."""
    shell = build_parser().parse_args(argv).shell
    try:
        import shtab
    except ModuleNotFoundError:
        print(f"{PROGRAM}: it needs the package shtab: pip install shtab", file=sys.stderr)
        return 1
    from tintype_cli.tree import program_parser  # which imports every command

    parser = program_parser()
    _summarize(parser)
    for action in _actions(parser):
        kind = shtab.DIRECTORY if action.metavar == FOLDER else shtab.FILE
        setattr(action, "complete", kind)  # noqa: B010 - where shtab looks for it
    script = shtab.complete(parser, shell=shell)
    print(_without_nested(script, parser) if shell == "zsh" else script)
    return 0


def build_parser() -> CommandParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog=PROGRAM,
        **texts(
            "Print the script that completes commands, flags, their values and files in a shell. "
            "It calls nothing: print it anew after an upgrade.",
            example="tintype completion bash > ~/.local/share/bash-completion/completions/tintype\n"
            "tintype completion zsh > ~/.zfunc/_tintype\n"
            "tintype completion fish > ~/.config/fish/completions/tintype.fish",
            exit_codes={0: DONE, 1: "the package shtab is not installed", 2: WRONG_CALL},
        ),
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def _summarize(parser: CommandParser) -> None:
    """Describe each command by its summary: scripts have the first line of a description."""
    for name, command in parser.commands.items():
        command.description = parser.summaries[name]
        _summarize(command)


def _without_nested(script: str, parser: CommandParser) -> str:
    """Take the subcommands of subcommands out of a list for zsh, where shtab puts them as well."""
    name = re.sub(r"\W", "_", parser.prog)
    lines = (f"    {each}:{quote(text)}\n" for each, text in sorted(parser.summaries.items()))
    head = f"\n_shtab_{name}_commands() {{\n  local _commands=(\n"
    before, found, after = script.partition(head)
    if found:
        script = before + found + "".join(lines) + after[after.index("  )\n") :]
    for command in parser.commands.values():
        script = _without_nested(script, command)
    return script


def _actions(parser: CommandParser) -> Iterator[argparse.Action]:
    """Yield the arguments of all commands that are files or folders."""
    for action in parser.arguments:
        if action.type is Path or action.metavar in (*FILES, FOLDER):
            yield action
    for command in parser.commands.values():
        yield from _actions(command)
