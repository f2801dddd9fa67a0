"""How many tokens the simulated providers count for a text."""

BYTES_PER_TEXT_TOKEN = 4
"""The usual rule of thumb for English; a true tokenizer is not worth its weight here."""


def text_tokens(text: str) -> int:
    """Return a plausible count for a text: at least 1, and at most one for each UTF-8 byte."""
    return max(1, len(text.encode()) // BYTES_PER_TEXT_TOKEN)
