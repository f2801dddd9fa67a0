"""Text and tables that GitHub and the documentation's site read alike."""

import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; each cell is Markdown without line breaks."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(_cell, cells))} |\n" for cells in lines)


def code(text: str) -> str:
    """Return a text as a code span, empty for none."""
    return f"`{text}`" if text else ""


def prose(text: str) -> str:
    """Return a docstring or a help text as Markdown: one line, and no tags of HTML."""
    line = " ".join(text.split())
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
