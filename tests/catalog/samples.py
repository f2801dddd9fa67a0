"""Manifests that say much, to be spoiled at one place."""

from tintype_catalog.problems import Problem
from tintype_catalog.resources import parse_resource
from tintype_testing.manifests import (
    Manifest,
    by_size,
    image_model,
    per_token,
    price,
    provider_binding,
    qualities,
    tokens,
)

MODEL = image_model(
    aliases=["sketch"],
    outputModality={"image": True},
    lifecycle={"releasedOn": "2026-04-21"},
    limits={"maxImagesPerCall": 4},
    parameters=qualities(low="low"),
)
BINDING = provider_binding(pricing=by_size(price("0.01", maxPixels=9), price("0.04")))
TOKENS = provider_binding(pricing=per_token(table=[tokens(272, size="1024x1024")]))


def fault(manifest: Manifest) -> Problem:
    """Return the one problem of a manifest."""
    problems = parse_resource(manifest)
    assert isinstance(problems, list)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]
