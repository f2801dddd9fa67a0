"""Edits that the gateway asks of Bedrock, measured by the pixels that the simulator changes."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.gateway.dialects.inputs import edit_job, input_image
from tests.simulator.edited import changed, is_box, photo
from tintype_gateway.dialects.base import EditingDialect
from tintype_gateway.dialects.registry import get_dialect
from tintype_gateway.images.mask import rendered
from tintype_gateway.upstream.transport import call
from tintype_gateway.values.faults import UpstreamFault
from tintype_gateway.values.images import CallResult
from tintype_gateway.values.job import Job
from tintype_gateway.values.upstream import Timeouts
from tintype_simulator.app import running
from tintype_testing.builders import route
from tintype_testing.simulators import opened

SIZE = (640, 704)
BOX = (40, 100, 200, 300)
PHOTO = photo(SIZE)
INPUT = input_image(PHOTO)
KEYS = {"aws-access-key-id": "AKIDEXAMPLE", "aws-secret-access-key": "simulated"}
ALPHA = Image.new("L", SIZE, 255)
ALPHA.paste(0, BOX)

TITAN = ("bedrock-amazon", "amazon.titan-image-generator-v2:0")
NOVA = ("bedrock-amazon", "amazon.nova-canvas-v1:0")
Model = tuple[str, str]


def service(name: str) -> Model:
    """Return the dialect and the inference profile of an image service."""
    return ("bedrock-stability", f"us.stability.{name}-v1:0")


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The base URL of a running simulator."""
    async with running() as url:
        yield url


async def result(simulator: str, model: Model, job: Job, images: int = 1) -> CallResult:
    """Return what a model makes of a job."""
    name, upstream_model = model
    region = "us-west-2" if name == "bedrock-stability" else "us-east-1"
    spec = {"provider": "bedrock", "dialect": name, "regions": [region]}
    to = route(region, endpoint=simulator, upstreamModel=upstream_model, **spec)
    dialect = get_dialect(name)
    request = dialect.translate(job, to, images, KEYS)
    async with aiohttp.ClientSession() as session:
        (event,) = [event async for event in call(request, dialect, session, Timeouts(9, 60, 60))]
    assert isinstance(event, CallResult)
    return event


async def edited(simulator: str, model: Model, job: Job) -> Image.Image:
    """Return the one image that a model makes of a job."""
    (image,) = (await result(simulator, model, job)).images
    return opened(base64.b64decode(image.base64))


@pytest.mark.parametrize(
    ("model", "task", "garments"),
    [
        (TITAN, "INPAINTING", ()),
        (NOVA, "INPAINTING", ()),
        (TITAN, "OUTPAINTING", ()),
        (NOVA, "OUTPAINTING", ()),
        (NOVA, "VIRTUAL_TRY_ON", (INPUT,)),
        (service("stable-image-inpaint"), "inpaint", ()),
        (service("stable-image-erase-object"), "erase-object", ()),
    ],
)
async def test_the_transparent_region_of_one_mask_changes_in_every_convention(
    simulator: str, model: Model, task: str, garments: Any
) -> None:
    dialect = get_dialect(model[0])
    assert isinstance(dialect, EditingDialect)
    convention = dialect.mask_convention(task)
    assert convention is not None
    mask = input_image(rendered(ALPHA, convention))

    image = await edited(simulator, model, edit_job(task, INPUT, *garments, mask=mask))

    assert is_box(changed(PHOTO, image), BOX)


async def test_several_images_of_an_edit_come_from_one_call(simulator: str) -> None:
    mask = input_image(rendered(ALPHA, "black_edits"))
    job = edit_job("INPAINTING", INPUT, mask=mask)

    made = await result(simulator, NOVA, job, images=3)

    assert len({bytes(image.base64) for image in made.images}) == 3


async def test_an_input_image_that_stability_refuses_is_a_refusal(simulator: str) -> None:
    magenta = input_image(Image.new("RGB", SIZE, "magenta"))

    made = await result(
        simulator, service("stable-fast-upscale"), edit_job("fast-upscale", magenta)
    )

    assert made.images == ()
    assert made.rest_refused
    assert made.refusal_reasons == ("Filter reason: input image",)


@pytest.mark.parametrize(
    ("model", "job", "kind", "message"),
    [
        (
            NOVA,
            edit_job("BACKGROUND_REMOVAL", input_image(Image.new("RGB", SIZE, "magenta"))),
            "refused",
            "adjust your input image",
        ),
        (
            TITAN,
            edit_job(
                "INPAINTING", INPUT, extras={"inPaintingParams": {"maskPrompt": "it is nowhere"}}
            ),
            "invalid",
            "Unable to auto-generate mask image",
        ),
        (
            service("stable-outpaint"),
            edit_job("outpaint", INPUT, extras={"left": 2001}),
            "invalid",
            "2001 is not less or equal to 2000",
        ),
    ],
)
async def test_the_client_reads_why_an_edit_is_refused(
    simulator: str, model: Model, job: Job, kind: str, message: str
) -> None:
    with pytest.raises(UpstreamFault, match=message) as fault:
        await result(simulator, model, job)

    assert fault.value.kind == kind
