"""What a soak asks for: a realistic mix, all of which follows from a seed."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bench.cases import DIALECTS, SIZES, model_id
from bench.catalog import DELAY_MS
from tintype_testing.chaos.plan import PlannedRequest
from tintype_testing.gateway import towards
from tintype_testing.manifests import Manifest, image_model, per_image, provider_binding

FRAGILE_SECONDS = 3
"""The timeout of the binding whose provider fails."""

DONE = frozenset({"200 complete"})

FRAGILE = DONE | {
    "400 moderation_blocked",
    "503 provider_unavailable",
    "503 provider_throttled",
    "503 provider_unauthorized",
    "503 outcome_unknown",
    "503 timeout",
    "200 provider_unavailable",
    "200 outcome_unknown",
    "200 timeout",
    "broken off",
}
"""The possible outcomes of calls to a provider with all kinds of faults."""


@dataclass(frozen=True)
class Part:
    """One kind of request, and what may come of it."""

    name: str
    share: int
    """Of a hundred requests."""

    outcomes: frozenset[str]
    """Status and error code, `broken off` or `left`."""

    fields: tuple[Mapping[str, Any], ...]
    """Each request takes one of them."""


def _of_all_dialects(size: str) -> tuple[Mapping[str, Any], ...]:
    return tuple({"model": model_id(dialect, SIZES[size])} for dialect in DIALECTS)


_SMALL, _LARGE = (model_id("openai-images", SIZES[size]) for size in ("64 KiB", "1.5 MiB"))
_SLOW = model_id("openai-images", SIZES["1.5 MiB"], DELAY_MS)
_EVENTS = {"stream": True, "partial_images": 2}

MIX = (
    Part("small", 40, DONE, _of_all_dialects("64 KiB")),
    Part("large", 12, DONE, _of_all_dialects("1.5 MiB")),
    Part(
        "stream",
        9,
        DONE,
        (
            {"model": _SMALL} | _EVENTS,
            {"model": _LARGE} | _EVENTS,
            {"n": 2, "stream": True},
            {"model": model_id("google-generate-content", SIZES["64 KiB"]), "stream": True},
        ),
    ),
    Part("many", 6, DONE, ({"n": 2},)),
    Part("url", 5, DONE, ({"response_format": "url"},)),
    Part("converted", 4, DONE, ({"output_format": "webp"}, {"output_format": "jpeg"})),
    Part("idempotent", 5, DONE, ({},)),
    Part("refused", 3, frozenset({"400 moderation_blocked"}), ({"prompt": "a forbidden fox"},)),
    Part("fragile", 7, FRAGILE, ({"model": "fragile"}, {"model": "fragile", "stream": True})),
    Part("leaving", 4, frozenset({"left"}), ({"model": _LARGE}, {"model": _SLOW})),
    Part("stranger", 2, frozenset({"401 invalid_api_key"}), ({},)),
    Part(
        "wrong",
        3,
        frozenset({"422 invalid_value", "404 model_not_found", "422 unknown_parameter"}),
        ({"n": 99}, {"model": "nobody"}, {"colour": "red"}),
    ),
)

OUTCOMES = {part.name: part.outcomes for part in MIX}


def asks(seed: int) -> Iterator[PlannedRequest]:
    """Yield requests without end."""
    dice = random.Random(f"{seed} requests")  # noqa: S311 - repeatable, not secret
    shares = [part.share for part in MIX]
    number = 0
    while True:
        number += 1
        (part,) = dice.choices(MIX, shares)
        yield PlannedRequest(number, part.name, dict(dice.choice(part.fields)))


def pauses(seed: int, rate: float) -> Iterator[float]:
    """Yield the seconds between one request and the next: independent arrivals at a mean rate."""
    dice = random.Random(f"{seed} pauses")  # noqa: S311 - repeatable, not secret
    while True:
        yield dice.expovariate(rate)


def simulated_catalog(simulator: str, fragile: str, turn: int) -> str:
    """Return the manifests of the models that simulators serve, at another price each turn."""
    price = per_image("0.040" if turn % 2 else "0.020")
    manifests = [
        *_model("canvas", simulator, pricing=price),
        *_model("fragile", fragile, pricing=price, timeoutSeconds=FRAGILE_SECONDS),
    ]
    return yaml.safe_dump_all(manifests)


def _model(name: str, endpoint: str, **spec: Any) -> list[Manifest]:
    size = {"mode": "List", "sizes": ["256x256"]}
    binding = provider_binding(model=name, upstreamModel="dall-e-2", **spec)
    return [image_model(name, size=size), towards(binding, endpoint)]
