"""Every edit and variation of the starter catalog, asked of the simulators once.

A manifest may promise only what the provider takes, and a hold must cover what it then reports.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.gateway.dialects.inputs import input_image
from tests.simulator.edited import photo
from tintype_catalog.catalog import Model
from tintype_catalog.operations import OperationName, OperationRule
from tintype_catalog.sizes import Size
from tintype_gateway.billing.cost import ceiling, cost
from tintype_gateway.catalog.snapshot import Snapshot
from tintype_gateway.dialects.registry import get_dialect, mask_convention
from tintype_gateway.images.mask import rendered
from tintype_gateway.pipeline.stages.adapt import adapt
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Route
from tintype_gateway.values.upstream import Timeouts
from tintype_simulator.app import running
from tintype_testing.builders import delivered, priced, valid
from tintype_testing.manifests import STARTER, compiled, read_manifests
from tintype_testing.simulators import opened

PER_USD = 16_000_000
CATALOG = compiled(*read_manifests(STARTER))
KNOWN = Snapshot.of(CATALOG, 1)
BINDINGS = {binding.model_ref.name: binding for binding in CATALOG.bindings}

SIZE = (640, 704)
INPUT = input_image(photo(SIZE))
ALPHA = Image.new("L", SIZE, 255)
ALPHA.paste(0, (40, 100, 200, 300))
KEYS = {
    "api-key": "sk-simulated",
    "aws-access-key-id": "AKIDEXAMPLE",
    "aws-secret-access-key": "simulated",
}

NEEDED: Mapping[str, Mapping[str, object]] = {
    "COLOR_GUIDED_GENERATION": {"colorGuidedGenerationParams": {"colors": ["#FF9800"]}},
    "outpaint": {"left": 64},
    "search-replace": {"search_prompt": "the dog"},
    "search-recolor": {"select_prompt": "the dog"},
}
"""The provider parameters that a task cannot do without."""

ASKED = [
    pytest.param(model, name, id=f"{model.name} {name}")
    for model in CATALOG.models
    for name in model.rules
    if name != "generation"
]


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The base URL of a running simulator."""
    async with running() as url:
        yield url


def asked(model: Model, rule: OperationRule, dialect: str) -> Job:
    """Return a cheap job with as many images as the model takes, and a mask if it takes one."""
    fields: dict[str, Any] = {"quality": "low", "size": "1024x1024"}
    request = valid(KNOWN, **fields, **NEEDED.get(rule.task or "", {}))
    job = adapt(request, model, "lenient", rule=rule, shape=Size(*SIZE))
    convention = mask_convention(dialect, rule.task) if rule.mask != "None" else None
    mask = input_image(rendered(ALPHA, convention)) if convention else None
    return replace(job, inputs=(INPUT,) * rule.max_images, mask=mask)


async def answered(simulator: str, job: Job, route: Route) -> CallResult:
    dialect = get_dialect(route.binding.dialect)
    request = dialect.translate(job, route, 1, KEYS)
    async with aiohttp.ClientSession() as session:
        (event,) = [event async for event in call(request, dialect, session, Timeouts(9, 60, 60))]
    assert isinstance(event, CallResult)
    return event


@pytest.mark.parametrize(("model", "name"), ASKED)
async def test_an_operation_gives_an_image_that_costs_no_more_than_was_held(
    simulator: str, model: Model, name: OperationName
) -> None:
    rule, binding = model.rules[name], BINDINGS[model.name]
    local = binding.model_copy(update={"endpoint": simulator})
    job = asked(model, rule, binding.dialect)

    result = await answered(simulator, job, Route(local, (*binding.regions, "global")[0]))

    (image,) = result.images
    size = Size(*opened(base64.b64decode(image.base64)).size)
    paid = priced(delivered([size], usage=result.usage, quality=result.quality), binding.pricing)
    charged = cost(job, model, [paid], PER_USD)
    assert 0 < charged <= ceiling(job, model, binding.pricing, PER_USD)
