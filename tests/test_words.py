"""Code and prose use the terms of HTTP, OpenAI and Kubernetes: retired words do not come back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("bench", "charts", "crds", "docs", "gateway", "operator", "tests", "tools")
SUFFIXES = {
    *(".py", ".sql", ".js", ".mjs", ".html", ".css", ".go", ".rs", ".java"),
    *(".md", ".txt", ".toml", ".yaml", ".yml", ".json", ".tpl"),
}
GENERATED = {"package-lock.json", "Cargo.lock", "go.sum"}
NOT_OURS = {"node_modules", "target", "__pycache__"}

RETIRED = {
    r"pictur(?:es?|ed|ing)": "image",
    r"(?<!of )courses?": "request context",
    r"happenings?": "event",
    r"till": "until",
    r"outlets?": "writer",
    r"stand[-_]ins?": "placeholder",
    r"(?<!\.)splic(?:e[sd]?|ing)": "pass-through",  # but for a method of JavaScript's arrays
    r"pledg(?:e[sd]?|ing)": "reserve",
    r"farewells?": "drain",
    r"unruly": "faulty",
    r"easels?": "fixture",
    r"whom?ever": "the actor",
    # As a part of a name. A server may answer in prose.
    r"(?<=_)answer(?:s|ed|ing)?|answer(?:s|ed|ing)?(?=_)": "response, result or value",
}
"""What is retired, as patterns over lower-case words, and what to write for it."""

PATTERN = re.compile("|".join(f"(?<![a-z])(?:{pattern})(?![a-z])" for pattern in RETIRED))


def lower_words(line: str) -> str:
    """Return a line in lower case, with the words of its camel-case names apart: `Stand_In`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", line).lower()


def retired_words(line: str) -> list[str]:
    """Return the retired words of a line, in identifiers and in prose."""
    return PATTERN.findall(lower_words(line))


def files() -> Iterator[Path]:
    """Yield the text files of the repository, but for this one and what is generated."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in (*ROOT.glob("*"), *found):
        named = path.suffix in SUFFIXES or path.name in {"Makefile", "Dockerfile"}
        ours = NOT_OURS.isdisjoint(path.parts) and path.name not in GENERATED
        if named and ours and path.is_file() and path != Path(__file__):
            yield path


def test_no_file_uses_a_retired_word() -> None:
    found = []
    for path in files():
        name = str(path.relative_to(ROOT))
        found += [f"{name}: the name says {word!r}" for word in retired_words(name)]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found += [f"{name}:{number}: {word!r}" for word in retired_words(line)]

    assert found == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("the Pictures of a request", ["pictures"]),
        ("class ImageOutlet:", ["outlet"]),
        ("def read_till_end(courses): ...", ["till", "courses"]),
        ("StandIn, stand_ins, stand-in", ["stand_in", "stand_ins", "stand-in"]),
        ("MEMORY_PLEDGED = unrulyServer", ["pledged", "unruly"]),
        ("tests/easel/farewell.py", ["easel", "farewell"]),
        ("spliced happenings", ["spliced", "happenings"]),
        ("class SlotAnswer, answersOf, no_answer_yet", ["answer", "answers", "answer"]),
    ],
)
def test_retired_words_are_found_in_names_and_prose(line: str, words: list[str]) -> None:
    assert retired_words(line) == words


@pytest.mark.parametrize(
    "line",
    [
        "HOLDS_OUTSTANDING and standing_headers are still there, of course",
        "the next ones stand in for it, distilled",
        "runs.splice(0)",
        "recourse, concourse",
        "a server that answers: its answer is 200",
    ],
)
def test_words_with_a_plain_meaning_stay(line: str) -> None:
    assert retired_words(line) == []
