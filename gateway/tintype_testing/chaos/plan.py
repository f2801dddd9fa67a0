"""What is asked, and what goes wrong: all of it follows from a seed.

The seed decides the requests, the providers' faults and the troubles, each in its order. How they
meet is up to the machine: a second run with a seed is the same weather, not the same lightning.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from tintype_testing.gateway import canvas, towards
from tintype_testing.manifests import Manifest, per_image, provider_binding

UPSTREAM_SECONDS = 3
"""The binding's timeout: a provider that hangs costs a client no more."""

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

Trouble = Literal[
    "kill",
    "restart",
    "database crash",
    "database restart",
    "connections",
    "catalog",
    "API outage",
]
TROUBLES: tuple[Trouble, ...] = (
    *("kill", "kill", "restart", "database crash", "database restart", "connections"),
    *("catalog", "catalog", "catalog", "API outage"),
)


@dataclass(frozen=True)
class Ask:
    """One request."""

    number: int
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"model": "canvas", "prompt": f"heron {self.number}"} | self.fields

    @property
    def idempotency_key(self) -> str | None:
        return f"order-{self.number}" if self.kind == "idempotent" else None


def asks(seed: int) -> Iterator[Ask]:
    """Yield requests without end."""
    dice = _dice(seed, "requests")
    number = 0
    while True:
        number += 1
        kind = dice.choice(KINDS)
        yield Ask(number, kind, _fields(kind, dice))


def _fields(kind: Kind, dice: random.Random) -> dict[str, Any]:
    match kind:
        case "many":
            return {"n": dice.randint(2, 4)}
        case "stream":
            return {"stream": True, "n": dice.randint(1, 2)}
        case "url":
            return {"response_format": "url", "output_format": dice.choice(("png", "webp"))}
    return {}


def faults(seed: int, count: int, turn: int) -> list[dict[str, object]]:
    """Return what so many calls of the provider meet, most of them nothing, in some turn."""
    dice = _dice(seed, f"faults {turn}")
    return [dice.choice(FAULTS) if dice.random() < FAULTY_SHARE else {} for _ in range(count)]


@dataclass(frozen=True)
class Blow:
    """One trouble, so long after the last, and the gateway that it is for."""

    pause_seconds: float
    trouble: Trouble
    gateway: int


def blows(seed: int, gateways: int) -> Iterator[Blow]:
    """Yield troubles without end, an outage and a kill the first of them."""
    dice = _dice(seed, "troubles")
    yield Blow(0.5, "API outage", 0)
    yield Blow(0.5, "kill", dice.randrange(gateways))
    while True:
        yield Blow(dice.uniform(0.5, 2.0), dice.choice(TROUBLES), dice.randrange(gateways))


def folders(simulator: str) -> Iterator[tuple[str, bool]]:
    """Yield catalogs without end, and whether they are sound: dear, broken, cheap, unpriced."""
    while True:
        yield yaml.safe_dump_all(catalog(simulator, "0.040")), True
        yield "{ this is no YAML", False
        yield yaml.safe_dump_all(catalog(simulator, "0.020")), True
        yield yaml.safe_dump_all(catalog(simulator, "no price")), False


def objects(simulator: str) -> Iterator[list[Manifest]]:
    """Yield what is applied to the cluster without end: dear, cheap, and beside it a lost one."""
    while True:
        yield catalog(simulator, "0.040")
        yield catalog(simulator, "0.020")
        yield [provider_binding("lost", model="nobody")]


def catalog(simulator: str, usd: str) -> list[Manifest]:
    """Return the model that is asked for, at a price."""
    manifests = canvas(timeoutSeconds=UPSTREAM_SECONDS, pricing=per_image(usd))
    return [towards(manifest, simulator) for manifest in manifests]


def _dice(seed: int, purpose: str) -> random.Random:
    return random.Random(f"{seed} {purpose}")  # noqa: S311  # repeatable, not secret
