"""What a request would get and cost."""

import json

from tintype_catalog.sizes import SizeChoice
from tintype_gateway.billing.cost import quotation
from tintype_testing.builders import plan


def test_a_quote_tells_route_values_and_credits() -> None:
    quote = quotation(
        plan(
            "openai/canvas",
            images=3,
            quality="medium",
            extras={"svg": {"model": "x"}},
            adjustments=("quality=standard->medium",),
        ),
        ceiling=30,
        expected=20,
        budget_remaining=100,
    )
    assert json.loads(json.dumps(quote)) == {
        "object": "image.quote",
        "model": "openai/canvas",
        "route": {"provider": "openai", "region": "global", "binding": "canvas-openai"},
        "n": 3,
        "size": "1024x1024",
        "parameters": {"quality": "medium"},
        "partial_images": 0,
        "provider_parameters": {"svg": {"model": "x"}},
        "adjustments": ["quality=standard->medium"],
        "credits_ceiling": 30,
        "credits_expected": 20,
        "budget_remaining": 70,
        "catalog_revision": "abc123",
    }


def test_a_quote_leaves_out_values_that_the_provider_chooses() -> None:
    quote = quotation(plan(size=SizeChoice()), ceiling=30, expected=None, budget_remaining=None)
    assert (quote["size"], quote["credits_expected"]) == ("auto", None)
