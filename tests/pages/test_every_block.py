"""Each block of code of the documentation is run by one module of tests."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.pages import blocks
from tests.pages.blocks import CLAIMS, ROOT, Block, ClaimError, claim, pages, parsed


def claiming_modules() -> list[str]:
    """The names of the modules that claim blocks."""
    paths = (path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    claiming = (path for path in paths if "= claim(" in path.read_text())
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in claiming]


def test_a_test_runs_each_block() -> None:
    for module in claiming_modules():
        import_module(module)

    every = {block for page in pages() for block in blocks.blocks(page)}
    assert sorted(map(str, every - CLAIMS.keys())) == []


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> tuple[Block, ...]:
    """The blocks of a page with three, which nobody has claimed yet."""
    text = (
        "```sh\na b\n```\n\n- x\n\n    ```sh\n    c\n    ```\n\n```\nout\n```\n```json\n{}\n```\n"
    )
    found = tuple(parsed("page.md", text))
    monkeypatch.setattr(blocks, "blocks", {"page.md": found}.__getitem__)
    monkeypatch.setattr(blocks, "CLAIMS", {})
    return found


def test_a_block_has_a_language_a_line_and_its_code(page: tuple[Block, ...]) -> None:
    assert page == (
        Block("page.md", 1, "sh", "a b\n"),
        Block("page.md", 7, "sh", "c\n"),
        Block("page.md", 14, "json", "{}\n"),
    )


def test_a_claim_is_by_language_and_text(page: tuple[Block, ...]) -> None:
    first, second, third = page

    assert claim("a", "page.md", "sh", having="c") == [second]
    assert claim("b", "page.md", "json") == [third]
    assert claim("b", "page.md", having="a") == [first]


@pytest.mark.usefixtures("page")
def test_a_block_is_claimed_once() -> None:
    claim("a", "page.md", "sh")

    with pytest.raises(ClaimError, match=r"b claims page\.md:1, which a has claimed"):
        claim("b", "page.md")


@pytest.mark.usefixtures("page")
def test_a_claim_of_nothing_is_refused() -> None:
    with pytest.raises(ClaimError, match=r"no block of \('yaml',\) with ''"):
        claim("a", "page.md", "yaml")
