"""The requests, the provider faults and the disruptions of a chaos run, all derived from a seed.

The seed determines each of the three sequences. How they coincide depends on the timing of the
machine, so a second run with the same seed is similar, but not equal.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from tintype_testing.gateway import canvas, towards
from tintype_testing.manifests import Manifest, per_image, provider_binding

UPSTREAM_SECONDS = 3
"""The binding's timeout, which limits how long a hanging provider delays a client."""

FAULTY_SHARE = 0.3

FAULTS: tuple[dict[str, object], ...] = (
    {"error": "openai/rate_limit_exceeded"},
    {"error": "openai/slow_down", "headers": {"retry-after": "1"}},
    {"error": "openai/server_error"},
    {"error": "openai/server_is_overloaded"},
    {"error": "openai/invalid_api_key"},
    {"error": "openai/moderation_blocked"},
    {"status": 502, "body": "<h1>Bad Gateway</h1>"},
    {"status": 307, "body": {}, "headers": {"location": "http://127.0.0.1:9/"}},
    {"cut_after_bytes": 0},
    {"cut_after_bytes": 700},
    {"damage": "malformed_json"},
    {"damage": "truncated_base64"},
    {"damage": "empty_data"},
    {"damage": "wrong_types"},
    {"delay_seconds": 1.0},
    {"hang": True},
)

Kind = Literal["plain", "many", "stream", "url", "idempotent"]
KINDS: tuple[Kind, ...] = ("plain", "many", "stream", "url", "idempotent")

DisruptionKind = Literal[
    "kill",
    "restart",
    "database crash",
    "database restart",
    "connections",
    "catalog",
    "API outage",
]
DISRUPTIONS: tuple[DisruptionKind, ...] = (
    *("kill", "kill", "restart", "database crash", "database restart", "connections"),
    *("catalog", "catalog", "catalog", "API outage"),
)


@dataclass(frozen=True)
class PlannedRequest:
    """One request of a client."""

    number: int
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"model": "canvas", "prompt": f"heron {self.number}"} | self.fields

    @property
    def idempotency_key(self) -> str | None:
        return f"order-{self.number}" if self.kind == "idempotent" else None


def planned_requests(seed: int) -> Iterator[PlannedRequest]:
    """Yield an endless sequence of requests."""
    rng = _random(seed, "requests")
    number = 0
    while True:
        number += 1
        kind = rng.choice(KINDS)
        yield PlannedRequest(number, kind, _fields(kind, rng))


def _fields(kind: Kind, rng: random.Random) -> dict[str, Any]:
    match kind:
        case "many":
            return {"n": rng.randint(2, 4)}
        case "stream":
            return {"stream": True, "n": rng.randint(1, 2)}
        case "url":
            return {"response_format": "url", "output_format": rng.choice(("png", "webp"))}
    return {}


def faults(seed: int, count: int, turn: int) -> list[dict[str, object]]:
    """Return the faults of the next `count` provider calls in a turn; most calls have none."""
    rng = _random(seed, f"faults {turn}")
    return [rng.choice(FAULTS) if rng.random() < FAULTY_SHARE else {} for _ in range(count)]


@dataclass(frozen=True)
class Disruption:
    """A disruption, its pause after the one before, and the gateway that it affects."""

    pause_seconds: float
    kind: DisruptionKind
    gateway: int


def disruptions(seed: int, gateways: int) -> Iterator[Disruption]:
    """Yield an endless sequence of disruptions; the first two are an outage and a kill."""
    rng = _random(seed, "disruptions")
    yield Disruption(0.5, "API outage", 0)
    yield Disruption(0.5, "kill", rng.randrange(gateways))
    while True:
        yield Disruption(rng.uniform(0.5, 2.0), rng.choice(DISRUPTIONS), rng.randrange(gateways))


def folders(simulator: str) -> Iterator[tuple[str, bool]]:
    """Yield an endless sequence of catalogs, and whether they are valid: expensive, broken, cheap,
    unpriced."""
    while True:
        yield yaml.safe_dump_all(catalog(simulator, "0.040")), True
        yield "{ this is no YAML", False
        yield yaml.safe_dump_all(catalog(simulator, "0.020")), True
        yield yaml.safe_dump_all(catalog(simulator, "no price")), False


def objects(simulator: str) -> Iterator[list[Manifest]]:
    """Yield an endless sequence of manifests to apply: expensive, cheap, and a binding without a
    model."""
    while True:
        yield catalog(simulator, "0.040")
        yield catalog(simulator, "0.020")
        yield [provider_binding("lost", model="nobody")]


def catalog(simulator: str, usd: str) -> list[Manifest]:
    """Return the model that clients request, at a price."""
    manifests = canvas(timeoutSeconds=UPSTREAM_SECONDS, pricing=per_image(usd))
    return [towards(manifest, simulator) for manifest in manifests]


def _random(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {purpose}")  # noqa: S311  # repeatable, not secret
