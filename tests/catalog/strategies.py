"""What hypothesis draws from: any size rule, any price, any JSON."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tintype_catalog.pricing import Pricing
from tintype_catalog.sizes import Size, SizeRule
from tintype_testing.manifests import (
    Manifest,
    by_size,
    by_size_quality,
    per_image,
    per_token,
    price,
    read,
    tokens,
)

QUALITIES = ("low", "medium", "high")

edges = st.integers(10, 4096)
wishes = st.builds(Size, st.integers(10, 99999), st.integers(10, 99999)) | st.builds(
    Size, edges, edges
)
pixel_sizes = st.builds(lambda width, height: f"{width}x{height}", edges, edges)

list_rules = st.lists(pixel_sizes, min_size=1, max_size=8).map(
    lambda sizes: read(SizeRule, {"mode": "List", "sizes": sizes})
)

ratio_rules = st.builds(
    lambda ratios, resolutions: read(
        SizeRule, {"mode": "AspectRatio", "ratios": ratios, "resolutions": resolutions}
    ),
    st.dictionaries(
        st.builds(lambda w, h: f"{w}:{h}", st.integers(1, 32), st.integers(1, 32)),
        pixel_sizes,
        min_size=1,
        max_size=6,
    ),
    st.lists(st.sampled_from(["512", "1K", "2K", "4K"]), unique=True),
)


@st.composite
def pixel_rules(draw: st.DrawFn) -> SizeRule:
    """Bounds so narrow that every size within them can be counted. At times there is none."""
    fewest = draw(st.integers(20, 400))
    bounds = {
        "mode": "Pixels",
        "multipleOf": draw(st.sampled_from([1, 2, 3, 4])),
        "minEdge": draw(st.integers(1, 14)),
        "maxEdge": draw(st.integers(16, 40)),
        "minPixels": fewest,
        "maxPixels": fewest + draw(st.sampled_from([5, 50, 1200])),
        "maxAspectRatio": f"{draw(st.integers(3, 9))}:{draw(st.integers(1, 4))}",
    }
    return read(SizeRule, bounds)


small_wishes = st.builds(Size, st.integers(1, 60), st.integers(1, 60))

amounts = st.decimals(min_value=0, max_value=100, places=9).map(lambda usd: f"{usd:.9f}")
token_counts = st.integers(0, 20_000)


@st.composite
def tables(
    draw: st.DrawFn,
    build: Callable[..., Manifest],
    values: st.SearchStrategy[Any],
    qualities: Sequence[str | None],
) -> list[Manifest]:
    """A complete table: for each quality rows that grow, and a last one for any size."""
    rows = []
    for quality in qualities:
        label = {"quality": quality} if quality else {}
        limits = sorted(draw(st.sets(st.integers(1, 4096**2), max_size=3)))
        rows += [build(draw(values), maxPixels=limit, **label) for limit in limits]
        rows.append(build(draw(values), **label))
    return rows


@st.composite
def token_prices(draw: st.DrawFn) -> Manifest:
    """Prices of each kind of token, where cached ones are no dearer than others."""
    prices = {
        kind: draw(amounts) for kind in ("textInput", "imageInput", "imageOutput", "textOutput")
    }
    for kind in ("Text", "Image"):
        most = Decimal(prices[f"{kind.lower()}Input"])
        if draw(st.booleans()):
            cached = draw(st.decimals(min_value=0, max_value=most, places=9))
            prices[f"cached{kind}Input"] = f"{cached:.9f}"
    return prices


input_image_tokens = st.one_of(
    st.sampled_from(["Patches32", "Tiles512"]).map(lambda formula: {"formula": formula}),
    token_counts.map(lambda count: {"fixed": count}),
)
output_tokens = st.one_of(
    st.fixed_dictionaries({"table": tables(tokens, token_counts, QUALITIES)}),
    st.fixed_dictionaries({"table": tables(tokens, token_counts, [None])}),
    st.fixed_dictionaries(
        {"factors": st.fixed_dictionaries(dict.fromkeys(QUALITIES, st.integers(1, 1024)))}
    ),
)

pricings = st.one_of(
    amounts.map(per_image),
    tables(price, amounts, [None]).map(lambda rows: by_size(*rows)),
    tables(price, amounts, QUALITIES).map(lambda rows: by_size_quality(*rows)),
    st.builds(
        per_token,
        perMillionTokens=token_prices(),
        inputImageTokens=input_image_tokens,
        outputTokens=output_tokens,
        tokensPerPartialImage=token_counts,
        maxOtherOutputTokens=token_counts,
    ),
).map(lambda fields: read(Pricing, fields))
"""A price of each of the four shapes, which covers every size and each of `QUALITIES`."""

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)
