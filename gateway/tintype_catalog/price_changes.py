"""The later prices of a binding, each from its own moment on."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from tintype_catalog.contract import AtMostBytes
from tintype_catalog.pricing import Pricing

NOT_ASCENDING = "each `validFrom` must be later than the one before"


def _is_on_the_calendar(text: str) -> str:
    """Return a moment's text.

    Raises:
        ValueError: There is no such day.
    """
    datetime.fromisoformat(text)
    return text


Moment = Annotated[
    str,
    Field(
        pattern=r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
        r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
        max_length=25,
    ),
    AfterValidator(_is_on_the_calendar),
]
"""A moment as RFC 3339 writes it, in whole seconds and with its offset from UTC. A string, because
an API server checks a pattern and does not check the type of a field with a format."""


class PriceChange(Pricing):
    """A price from a moment on, in place of the whole price before it."""

    valid_from: Moment
    """The first moment of this price, such as `2027-01-01T00:00:00Z`. A request has the price of
    the moment at which its credits are held."""

    @property
    def moment(self) -> datetime:
        """The first moment of this price."""
        return datetime.fromisoformat(self.valid_from)


def _ascending(changes: tuple[PriceChange, ...]) -> tuple[PriceChange, ...]:
    for earlier, later in pairwise(changes):
        if later.moment <= earlier.moment:
            raise ValueError(f"{NOT_ASCENDING}: {later.valid_from} follows {earlier.valid_from}")
    return changes


ASCENDING_RULE = (
    "!has(self.priceChanges) || "
    "self.priceChanges.map(change, timestamp(change.validFrom)).isSorted() && "
    "self.priceChanges.all(one, self.priceChanges.exists_one(other, "
    "timestamp(one.validFrom) == timestamp(other.validFrom)))",
    NOT_ASCENDING,
)
"""The CEL of a spec, and its message."""

PriceChanges = Annotated[
    tuple[PriceChange, ...],
    Field(max_length=8),
    AfterValidator(_ascending),
    AfterValidator(AtMostBytes(6 * 1024)),
]
"""Changes in the order of their moments, of which no two are equal."""


def price_at(pricing: Pricing, changes: Sequence[PriceChange], moment: datetime) -> Pricing:
    """Return the price at a moment: the last change that is due, `pricing` before the first."""
    return next((change for change in reversed(changes) if change.moment <= moment), pricing)


def next_change(changes: Sequence[PriceChange], moment: datetime) -> PriceChange | None:
    """Return the first change after a moment, or None."""
    return next((change for change in changes if change.moment > moment), None)
