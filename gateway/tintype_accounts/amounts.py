"""Credits in manifests: decimal strings, because a float cannot hold an amount of money."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from tintype_catalog.contract import described

MICRO = 1_000_000
"""The micro-credits of one credit."""

Credits = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", max_length=16),
    described('must be credits as a decimal string such as "25.50"'),
]
"""An amount of credits, such as `25` or `0.5`, with at most six decimal places."""


def micro_credits(text: str) -> int:
    """Return an amount of `Credits` in micro-credits, exactly."""
    return int(Decimal(text) * MICRO)


def credits_text(micro: int) -> str:
    """Return micro-credits as credits without trailing zeros: -200000 is `-0.2`."""
    whole, rest = divmod(abs(micro), MICRO)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if micro < 0 else ''}{whole}{fraction}"
