"""The blocks of code in the documentation, and which test runs each of them.

A module of tests takes the blocks that it runs by `claim`, at its import.
`test_every_block.py` fails for a block that no module has claimed.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from typing_extensions import override

ROOT = Path(__file__).parents[2]

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code in a page, whose path begins at the root of the repository."""

    page: str
    line: int
    language: str
    code: str

    @override
    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def first_word(self) -> str:
        return self.code.split(maxsplit=1)[0]


class ClaimError(Exception):
    """A claim that is wrong: nothing is claimed, or what another claim has."""


CLAIMS: dict[Block, str] = {}
"""The claimed blocks, each with the module that runs it."""


def pages() -> list[str]:
    """The pages of the documentation."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The blocks of a page that say in which language they are."""
    return tuple(parsed(page, (ROOT / page).read_text()))


def parsed(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a text that say in which language they are."""
    for found in BLOCK.finditer(text):
        _, language, code = found.groups()
        if language:
            line = text.count("\n", 0, found.start()) + 1
            yield Block(page, line, language, textwrap.dedent(code))


def claim(module: str, page: str, *languages: str, having: str = "") -> list[Block]:
    """Return the blocks of a page that a module of tests runs, in the order of the page.

    They are those in these languages, or in any, that have a text.

    Raises:
        ClaimError: There is no such block, or another claim has it.
    """
    found = [
        block
        for block in blocks(page)
        if (not languages or block.language in languages) and having in block.code
    ]
    if not found:
        raise ClaimError(f"{page} has no block of {languages or 'any language'} with {having!r}")
    for block in found:
        if block in CLAIMS:
            raise ClaimError(f"{module} claims {block}, which {CLAIMS[block]} has claimed")
        CLAIMS[block] = module
    return found
