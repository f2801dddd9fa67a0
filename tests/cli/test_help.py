"""Every command's `--help` says what it does, its arguments, an example and its exit codes."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cli.walking import COMMANDS, children, exit_codes, help_of, section


@pytest.fixture(params=COMMANDS, ids=" ".join)
def path(request: pytest.FixtureRequest) -> tuple[str, ...]:
    words: tuple[str, ...] = request.param
    return words


def test_nested_commands_are_found() -> None:
    assert {("gateway",), ("accounts", "create"), ("catalog", "check")} <= set(COMMANDS)
    assert len(COMMANDS) > 20


def test_help_describes_the_command(path: tuple[str, ...]) -> None:
    usage, description, *_ = help_of(path).split("\n\n")

    assert usage.startswith(f"usage: tintype {' '.join(path)}".rstrip())
    assert re.fullmatch(r"[A-Z].*\.", description, re.DOTALL)


def test_help_explains_every_argument(path: tuple[str, ...]) -> None:
    assert list(unexplained(path)) == []
    if path:
        assert "  -h, --help" in help_of(path)


@dataclass
class Entry:
    """An argument in a help text, and its description."""

    name: str
    text: str


def unexplained(path: tuple[str, ...]) -> Iterator[str]:
    entries: list[Entry] = []
    for title in ("positional arguments", "options"):
        for line in section(help_of(path), title):
            if re.match(r"  \S", line):
                name, _, text = line.strip().partition("  ")
                entries.append(Entry(name, text))
            else:
                entries[-1].text += f" {line}"
    for entry in entries:
        if not re.sub(r"\[\w+\]", "", entry.text).strip():
            yield entry.name


def test_help_explains_every_subcommand(path: tuple[str, ...]) -> None:
    assert all(children(path).values())


def test_help_shows_an_example_of_the_command(path: tuple[str, ...]) -> None:
    lines = section(help_of(path), "example")

    assert lines
    for line in lines:
        words = tuple(shlex.split(line))
        assert words[: len(path) + 1] == ("tintype", *path)
        assert len(words) > 1


def test_an_example_has_no_flag_that_its_command_does_not_have(path: tuple[str, ...]) -> None:
    for line in section(help_of(path), "example"):
        _, *words = shlex.split(line)
        command = max((each for each in COMMANDS if tuple(words[: len(each)]) == each), key=len)
        for flag in (word for word in words if re.match(r"--?[a-z]", word)):
            assert re.search(rf"(?<!\w){flag}\b", help_of(command)), flag


def test_help_lists_the_exit_codes(path: tuple[str, ...]) -> None:
    codes = exit_codes(path)

    assert {0, 1, 2} <= set(codes)
    assert all(codes.values())


def test_a_command_lists_the_exit_codes_of_its_subcommands(path: tuple[str, ...]) -> None:
    for name in children(path) if path else ():
        assert exit_codes((*path, name)) == exit_codes(path)
