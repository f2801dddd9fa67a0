"""The price of a model at a provider, in one of four forms."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from tintype_catalog.contract import Contract, Tokens, UsDollars, Word, cel, filled
from tintype_catalog.input_tokens import InputImageTokens
from tintype_catalog.sizes import PixelSize, Size

PricingType = Literal[
    "per_image",
    "per_image_by_size",
    "per_image_by_size_quality",
    "per_token",
    "per_megapixel",
    "per_second",
]

_WITH_USD = ("per_image", "per_megapixel", "per_second")
_WITH_MAX_USD = ("per_megapixel", "per_second")
_UNITS = {"per_image": "an image", "per_megapixel": "a megapixel", "per_second": "a second"}
_MEGAPIXEL_TYPES = "`firstUsd` and `inputUsd` go with type per_megapixel"
_INPUT_NEEDS_FIRST = "`inputUsd` goes with `firstUsd`"
_USD_TYPES = "`usd` goes with type per_image, per_megapixel and per_second"
_MAX_USD_TYPES = "`maxUsd` goes with type per_megapixel and per_second, and with charge Reported"


class Bracket(Contract):
    """One row of a table by size and quality."""

    max_pixels: Annotated[int, Field(ge=1, le=2**32)] | None = None
    """The largest image that this row covers, in pixels. Absent in the last row."""

    quality: Word | None = None
    """The provider's name of the quality of this row. Absent: any quality."""

    def covers(self, size: Size) -> bool:
        """Return whether this row covers images of a size."""
        return self.max_pixels is None or size.pixels <= self.max_pixels

    @property
    def bounded(self) -> bool:
        """Whether some sizes are not covered by this row."""
        return self.max_pixels is not None


class PriceBracket(Bracket):
    """The price of one image up to a number of pixels, at one quality."""

    usd: UsDollars
    """USD for one image."""


def _not_above(cached: str, uncached: str) -> tuple[str, str]:
    """Return the CEL, and its message, for a price of cached tokens and that of the others."""
    rule = f"!has(self.{cached}) || double(self.{cached}) <= double(self.{uncached})"
    return rule, f"`{cached}` must be at most `{uncached}`"


class TokenPrices(Contract):
    """USD for a million tokens, by kind."""

    model_config = cel(
        _not_above("cachedTextInput", "textInput"), _not_above("cachedImageInput", "imageInput")
    )

    text_input: UsDollars = "0"
    """Tokens of the prompt."""

    image_input: UsDollars = "0"
    """Tokens of the images of a request."""

    image_output: UsDollars
    """Tokens of generated images."""

    text_output: UsDollars = "0"
    """Tokens of text and of thinking."""

    cached_text_input: UsDollars | None = None
    """Tokens of the prompt from the provider's cache. By default the price of other ones."""

    cached_image_input: UsDollars | None = None
    """Tokens of input images from the provider's cache. By default the price of other ones."""

    @model_validator(mode="after")
    def _cached_tokens_are_no_dearer(self) -> Self:
        for name, cached, uncached in (
            ("Text", self.cached_text_input, self.text_input),
            ("Image", self.cached_image_input, self.image_input),
        ):
            if cached is not None and Decimal(cached) > Decimal(uncached):
                raise ValueError(
                    f"`cached{name}Input` must be at most `{name.lower()}Input`: "
                    f"{cached} is more than {uncached}"
                )
        return self


class TokenBracket(Bracket):
    """The output tokens of one image, of one exact size or up to a number of pixels."""

    model_config = cel(
        ("!(has(self.size) && has(self.maxPixels))", "either `size` or `maxPixels`, not both")
    )

    size: PixelSize | None = None
    """The exact size of this row, if the number of pixels alone does not determine the tokens."""

    tokens: Tokens
    """The output tokens of one image."""

    @override
    def covers(self, size: Size) -> bool:
        return str(size) == self.size if self.size is not None else super().covers(size)

    @property
    @override
    def bounded(self) -> bool:
        return self.size is not None or super().bounded

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.size is not None and self.max_pixels is not None:
            raise ValueError("either `size` or `maxPixels`, not both")
        return self


class OutputTokens(Contract):
    """The output tokens of an image: a table, or a formula with a factor by quality.

    The formula, with `q` the factor and `L` and `S` the longer and shorter edge in pixels:
    `s = q*S/L` rounded half up, `tokens = ceil(q * s * (2000000 + L*S) / 4000000)`. It reproduces
    every figure that OpenAI publishes for gpt-image-2 and later.
    """

    model_config = cel(
        (f"{filled('table')} != {filled('factors')}", "exactly one of `table` and `factors`")
    )

    table: Annotated[tuple[TokenBracket, ...], Field(max_length=64)] = ()
    """Figures by quality and size. The first matching row counts."""

    factors: Annotated[dict[Word, Annotated[int, Field(ge=1, le=1024)]], Field(max_length=16)] = {}
    """The factor `q` of the formula for each quality."""

    @override
    def __hash__(self) -> int:
        """Allow the tokens of an image to be cached."""
        return hash((*self.factors.items(), *(row.tokens for row in self.table)))

    @model_validator(mode="after")
    def _table_or_factors(self) -> Self:
        if bool(self.table) == bool(self.factors):
            raise ValueError("exactly one of `table` and `factors`")
        return self


class Pricing(Contract):
    """The price of one model at one provider."""

    model_config = cel(
        (f"(self.type in {[*_WITH_USD]}) == has(self.usd)", _USD_TYPES),
        (
            f"self.type in {[*_WITH_MAX_USD]} ? has(self.maxUsd) : "
            "!has(self.maxUsd) || has(self.charge) && self.charge == 'Reported'",
            _MAX_USD_TYPES,
        ),
        (
            "self.type == 'per_megapixel' || !has(self.firstUsd) && !has(self.inputUsd)",
            _MEGAPIXEL_TYPES,
        ),
        ("!has(self.inputUsd) || has(self.firstUsd)", _INPUT_NEEDS_FIRST),
        (
            "(self.type in ['per_image_by_size', 'per_image_by_size_quality'])"
            f" == {filled('prices')}",
            "`prices` goes with the types per_image_by_size and per_image_by_size_quality",
        ),
        (
            "self.type == 'per_token' || !has(self.inputImageTokens)",
            "`inputImageTokens` goes with type per_token",
        ),
        (
            "self.type == 'per_token' ? has(self.perMillionTokens) && has(self.outputTokens) : "
            "!has(self.perMillionTokens) && !has(self.outputTokens)",
            "`perMillionTokens` and `outputTokens` go with type per_token",
        ),
    )

    type: PricingType
    """The form of the price."""

    currency: Literal["USD"] = "USD"
    """The currency of every amount."""

    charge: Literal["Table", "Reported"] = "Table"
    """What a call is charged at: the figures of this table, or what the provider reports that the
    call cost, up to the amount of its hold. A call without a report is charged at the table's
    figures."""

    usd: UsDollars | None = None
    """USD for one image, for a million pixels of the image that came back, or for a second that
    the provider took for a call. With `firstUsd`, USD for each further megapixel."""

    first_usd: UsDollars | None = None
    """USD for the first megapixel of an image. Megapixels then are 1024x1024 pixels, and those of
    an image are rounded up to whole ones."""

    input_usd: UsDollars | None = None
    """USD for each megapixel of the images of an edit, rounded up likewise for each of them."""

    max_usd: UsDollars | None = None
    """The most USD that one image costs, whatever its size, its time or its report: the amount of
    its hold. With `firstUsd` the hold is what the table says of the size and of the images of the
    request, up to this."""

    prices: Annotated[tuple[PriceBracket, ...], Field(max_length=64)] = ()
    """Rows by size, smallest first, for each quality. The first matching row counts."""

    per_million_tokens: TokenPrices | None = None
    """USD for a million tokens."""

    output_tokens: OutputTokens | None = None
    """The tokens of an image, for the hold, and for the charge if usage is missing."""

    input_image_tokens: InputImageTokens | None = None
    """The tokens of an input image, for the hold, and for the charge if usage is missing."""

    tokens_per_partial_image: Tokens = 0
    """The output tokens that each partial image of a stream adds."""

    max_other_output_tokens: Tokens = 0
    """The most output tokens besides the image. Sent to the provider as a limit if it has one."""

    @override
    def __str__(self) -> str:
        """Return the price in short, for messages."""
        if self.per_million_tokens is not None:
            return f"{self.per_million_tokens.image_output} USD for a million image tokens"
        if self.prices:
            each = sorted((row.usd for row in self.prices), key=Decimal)
            span = each[0] if each[0] == each[-1] else f"{each[0]} to {each[-1]}"
            return f"{span} USD for an image"
        return f"{self.first_usd or self.usd} USD for {_UNITS[self.type]}"

    @model_validator(mode="after")
    def _fields_fit_the_type(self) -> Self:
        if (self.type in _WITH_USD) != (self.usd is not None):
            raise ValueError(_USD_TYPES)
        needs_max_usd = self.type in _WITH_MAX_USD
        may_have_it = needs_max_usd or self.charge == "Reported"
        if needs_max_usd if self.max_usd is None else not may_have_it:
            raise ValueError(_MAX_USD_TYPES)
        if self.type != "per_megapixel" and (self.first_usd or self.input_usd):
            raise ValueError(_MEGAPIXEL_TYPES)
        if self.input_usd is not None and self.first_usd is None:
            raise ValueError(_INPUT_NEEDS_FIRST)
        if self.type.startswith("per_image_by") != bool(self.prices):
            raise ValueError(
                "`prices` goes with the types per_image_by_size and per_image_by_size_quality"
            )
        by_token = {self.per_million_tokens is not None, self.output_tokens is not None}
        if by_token != {self.type == "per_token"}:
            raise ValueError("`perMillionTokens` and `outputTokens` go with type per_token")
        if self.input_image_tokens is not None and self.type != "per_token":
            raise ValueError("`inputImageTokens` goes with type per_token")
        return self
