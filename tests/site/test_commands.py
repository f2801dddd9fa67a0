"""Each command of `tintype` and `make` that a page shows is one that exists."""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.pages.blocks import claim
from tintype_cli.__main__ import COMMANDS
from tintype_cli.help import CommandParser
from tintype_cli.tree import program_parser

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    if "tintype " in path.read_text() or "make " in path.read_text()
]
OPERATORS = frozenset("|&;<>()") | {"&&", "||", ">>", "<<"}

EXAMPLES = claim(__name__, "docs/reference/cli.md")
"""The examples of the help, which is where the page comes from: other pages run the commands."""

VALUES = {"$job": "job_0123", "$SHA256": "0" * 64}
"""What a variable of a page stands for."""


@cache
def commands() -> dict[str, CommandParser]:
    """The parsers of all commands."""
    return program_parser().commands


def blocks(text: str) -> str:
    """The shell's code of a page, with each command on one line."""
    found = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return "".join(found).replace("\\\n", " ")


def words(line: str) -> list[str]:
    """The words and operators of a line of shell code; quoted substitutions are looked into."""
    lexer = shlex.shlex(
        line.replace('"$(', "$(").replace(')"', ")"), posix=True, punctuation_chars=True
    )
    lexer.whitespace_split = True
    return list(lexer)


def calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of `tintype`."""
    for line in blocks(text).splitlines():
        if "tintype " not in line:
            continue
        found = words(line)
        for number, word in enumerate(found[:-1]):
            if word.rpartition("/")[2] == "tintype" and found[number + 1] in COMMANDS:
                rest = [VALUES.get(each, each) for each in found[number + 1 :] if each != "..."]
                end = next((at for at, each in enumerate(rest) if each in OPERATORS), len(rest))
                yield rest[:end]


def accepts(arguments: Sequence[str]) -> bool:
    """Whether the parser of the command takes these arguments."""
    command, *rest = arguments
    parser = commands()[command]
    while rest and rest[0] in parser.commands:
        parser = parser.commands[rest.pop(0)]
    parse = parser.parse_args if parser.commands else parser.parse_intermixed_args
    try:
        parse(rest)
    except SystemExit as ended:
        return ended.code == 0
    return True


def test_every_example_of_the_help_is_accepted() -> None:
    shown = [call for block in EXAMPLES for call in calls(f"```sh\n{block.code}```\n")]

    assert len(shown) >= len(EXAMPLES)
    assert [call for call in shown if not accepts(call)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_shown_command_is_accepted(page: Path) -> None:
    assert [call for call in calls(page.read_text()) if not accepts(call)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_named_command_exists(page: Path) -> None:
    named = re.findall(r"`(?:\S*/)?tintype ([a-z]+)(?: ([a-z][a-z-]+))?[^`]*`", page.read_text())

    assert [each for each in named if not _exists(*each)] == []


def _exists(command: str, subcommand: str) -> bool:
    if command not in COMMANDS:
        return False
    below = commands()[command].commands
    return not subcommand or not below or subcommand in below


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_target_of_make_exists(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z][a-z-]+)(?![a-z-]*/)", text)
    named += re.findall(r"^make ([a-z][a-z-]+)", blocks(text), re.MULTILINE)

    assert set(named) - targets == set()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("tintype keys list --account a | cut -f2", [["keys", "list", "--account", "a"]]),
        ("KEY=$(kubectl exec x -- tintype usage)", [["usage"]]),
        ('job="$(.venv/bin/tintype jobs list)"', [["jobs", "list"]]),
        ("tintype generate 'a b' \\\n  -n 2 # two\n", [["generate", "a b", "-n", "2"]]),
        ("helm install tintype charts/tintype -n images", []),
    ],
)
def test_calls_are_found_in_shell_code(code: str, expected: list[list[str]]) -> None:
    assert list(calls(f"```sh\n{code}\n```\n")) == expected


@pytest.mark.parametrize("arguments", [["keys", "create"], ["usage", "--unknown"], ["jobs", "go"]])
def test_a_wrong_call_is_not_accepted(arguments: list[str]) -> None:
    assert not accepts(arguments)
