"""The page of all commands, from the parsers of their arguments."""

import argparse
from collections.abc import Iterator

from tintype_cli.help import CommandParser
from tintype_cli.tree import program_parser
from tools.reference.markdown import code, prose, table

INTRODUCTION = """# Commands

The program `tintype` has a command for each task. `tintype COMMAND --help` shows the same texts.

"""

FROM_SETTINGS = ("tintype gateway", "tintype operator")
"""The commands whose flags are their settings, which have a page of their own."""


def page() -> str:
    """Return the page."""
    program = program_parser()
    summaries = program.summaries.items()
    rows = ((f"[{name}](#tintype-{name})", prose(text)) for name, text in summaries)
    parts = [INTRODUCTION, table(("Command", "What it does"), rows)]
    for command in program.commands.values():
        parts += [_section(parser, depth) for parser, depth in _tree(command, 2)]
    return "".join(parts)


def _tree(parser: CommandParser, depth: int) -> Iterator[tuple[CommandParser, int]]:
    yield parser, depth
    for child in parser.commands.values():
        yield from _tree(child, depth + 1)


def _section(parser: CommandParser, depth: int) -> str:
    parts = [f"\n{'#' * depth} {parser.prog}\n\n{prose(parser.description or '')}\n"]
    if parser.prog in FROM_SETTINGS:
        parts.append("\nIts flags are its [settings](settings.md).\n")
    elif rows := [
        _row(parser, each) for each in parser.arguments if each.help != argparse.SUPPRESS
    ]:
        parts.append("\n" + table(("Argument", "Meaning"), rows))
    parts.append("\n```sh\n" + "".join(f"{line}\n" for line in parser.examples) + "```\n\n")
    codes = ((str(number), prose(meaning)) for number, meaning in parser.exit_codes.items())
    parts.append(table(("Exit code", "Meaning"), codes))
    return "".join(parts)


def _row(parser: CommandParser, action: argparse.Action) -> tuple[str, str]:
    """Return the row of an argument; `format_help` fills in defaults in the same way."""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if action.choices is not None and action.metavar is None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    shown = " ".join(value) if isinstance(value, tuple) else value
    names = ", ".join(map(code, action.option_strings))
    argument = f"{names} {code(shown)}".strip() if names else code(shown)
    if names and action.required:
        argument += ", required"
    text = (action.help or "") % (vars(action) | {"prog": parser.prog})
    return argument, prose(text)
