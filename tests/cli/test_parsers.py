"""One mechanism describes all commands, and each example is one that its command accepts."""

import os
import shlex
from collections.abc import Iterator

import pytest

from tests.cli.walking import COMMANDS
from tintype_cli.__main__ import COMMANDS as PROGRAMS
from tintype_cli.help import CommandParser
from tintype_cli.tree import program_parser


def walk(parser: CommandParser) -> Iterator[CommandParser]:
    yield parser
    for command in parser.commands.values():
        yield from walk(command)


PROGRAM = program_parser()
PARSERS = list(walk(PROGRAM))


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.prog)
def parser(request: pytest.FixtureRequest) -> CommandParser:
    each: CommandParser = request.param
    return each


def test_the_parsers_are_those_of_the_help_texts() -> None:
    assert [parser.prog for parser in PARSERS] == [
        " ".join(("tintype", *path)) for path in COMMANDS
    ]
    assert PROGRAM.summaries == PROGRAMS


def test_a_parser_has_description_examples_and_exit_codes(parser: CommandParser) -> None:
    assert (parser.description or "").endswith(".")
    assert parser.examples
    assert {0, 1, 2} <= set(parser.exit_codes)


def test_its_examples_are_accepted(parser: CommandParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHA256", "ab" * 32)
    for example in parser.examples:
        _, *words = shlex.split(os.path.expandvars(example))
        if ">" in words:
            words = words[: words.index(">")]
        PROGRAM.parse_args(words)


def test_an_example_that_a_command_does_not_accept_is_refused() -> None:
    with pytest.raises(SystemExit):
        PROGRAM.parse_args(["keys", "expire", "KEY_ID"])
