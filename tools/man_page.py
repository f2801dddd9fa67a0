"""Writes the manual page from the parsers of all commands: `python -m tools.man_page FILE`.

It has the macros of man(7), which groff, mandoc and lexgrog read.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tintype_cli.help import CommandParser
from tintype_cli.tree import program_parser

SUMMARY = "the image-generation gateway for Kubernetes"

HEAD = '.\\" Generated from the parsers by `make man`.'

ENVIRONMENT = (
    ("TINTYPE_API_KEY", "The key of the account that pays for requests of images."),
    ("TINTYPE_BASE_URL", "The URL of the gateway that images are requested from."),
    ("TINTYPE_DATABASE_URL", "The ledger that the commands of the ledger work on."),
)


def man_page(parser: CommandParser) -> str:
    """Return the manual page of a program, in roff."""
    return "\n".join([HEAD, *_page(parser)]) + "\n"


def _page(parser: CommandParser) -> Iterator[str]:
    yield f'.TH {parser.prog.upper()} 1 "" "Tintype" "User Commands"'
    yield from (".SH NAME", f"{parser.prog} \\- {SUMMARY}")
    yield from (".SH SYNOPSIS", f".B {parser.prog}", ".I COMMAND", "[\\fIARGUMENT\\fR ...]")
    yield from (".SH DESCRIPTION", _text(_description(parser)), ".PP")
    yield f"\\fB{parser.prog}\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR prints what follows, too."
    yield ".SH COMMANDS"
    for command in parser.commands.values():
        yield from _command(command)
    yield ".SH ENVIRONMENT"
    yield "Each flag of \\fBtintype gateway\\fR and \\fBtintype operator\\fR names its variable."
    for name, meaning in ENVIRONMENT:
        yield from (".TP", f".B {name}", _text(meaning))
    yield ".SH EXIT STATUS"
    yield from _exit_codes(parser)
    yield ".SH EXAMPLES"
    yield from _examples(parser)


def _command(parser: CommandParser) -> Iterator[str]:
    """Yield the part of a command, and those of its subcommands after it."""
    yield from (f'.SS "{_text(parser.prog)}"', _text(_description(parser)))
    yield from (".PP", _usage(parser))
    for action in parser.arguments:
        yield from (".TP", _heading(action), _text(_help(parser, action)))
    for name, summary in parser.summaries.items():
        yield from (".TP", f"\\fB{_text(name)}\\fR", _text(f"{summary[0].upper()}{summary[1:]}."))
    yield from (".PP", "Example:")
    yield from _examples(parser)
    if not parser.commands:
        yield from (".PP", "Exit codes:")
        yield from _exit_codes(parser)
    for command in parser.commands.values():
        yield from _command(command)


def _description(parser: CommandParser) -> str:
    return " ".join((parser.description or "").split())


def _usage(parser: CommandParser) -> str:
    if parser.commands:
        return f"\\fB{_text(parser.prog)}\\fR \\fICOMMAND\\fR"
    words = [_word(action) for action in parser.arguments if not action.option_strings]
    needed = [action for action in parser.arguments if action.option_strings and action.required]
    words += [f"\\fB{_text(action.option_strings[-1])}\\fR {_word(action)}" for action in needed]
    return " ".join([f"\\fB{_text(parser.prog)}\\fR", *words, "[\\fIoptions\\fR]"])


def _heading(action: argparse.Action) -> str:
    if not action.option_strings:
        return _word(action)
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in action.option_strings)
    return names if action.nargs == 0 else f"{names} {_word(action)}"


def _word(action: argparse.Action) -> str:
    """Return the placeholder of a value."""
    if action.metavar is None and action.choices:
        return _text("{" + ",".join(map(str, action.choices)) + "}")
    name = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    word = f"\\fI{_text(str(name))}\\fR"
    return f"{word} ..." if action.nargs in ("+", "*") else word


def _help(parser: CommandParser, action: argparse.Action) -> str:
    values = {**vars(action), "prog": parser.prog}
    return " ".join(((action.help or "") % values).split())


def _exit_codes(parser: CommandParser) -> Iterator[str]:
    for code, meaning in parser.exit_codes.items():
        yield from (".TP", f".B {code}", _text(f"{meaning[0].upper()}{meaning[1:]}."))


def _examples(parser: CommandParser) -> Iterator[str]:
    yield from (".PP", ".nf", ".RS")
    yield from map(_text, parser.examples)
    yield from (".RE", ".fi")


def _text(text: str) -> str:
    """Return text in which nothing is a request or an escape, and hyphens can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti")
    escaped = escaped.replace('"', "\\(dq").replace("`", "\\(ga").replace("^", "\\(ha")
    return re.sub(r"(?m)^([.'])", r"\\&\1", escaped).replace("'", "\\(aq")


def main() -> None:
    """Write the page to the file that the argument names."""
    Path(sys.argv[1]).write_text(man_page(program_parser()))


if __name__ == "__main__":
    main()
