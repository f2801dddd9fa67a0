"""What a request is for is a row of one table: all else takes its words from there."""

from dataclasses import replace
from pathlib import Path

import pytest

import tintype_gateway
from tintype_gateway.api.operations import GENERATION, OPERATIONS
from tintype_gateway.errors import BadRequestError
from tintype_gateway.http.handlers.images import ROUTES, routes_of
from tintype_gateway.pipeline.sse_serializer import completed_event, partial_event
from tintype_gateway.pipeline.stages.resolve import resolve
from tintype_gateway.values.events import Charge, PartialImage
from tintype_gateway.values.images import Preview
from tintype_testing.builders import TODAY, finished_call, plan, route, snapshot
from tintype_testing.manifests import image_model, provider_binding

PACKAGE = Path(tintype_gateway.__file__).parent

WORDS = ("images/generations", "image_generation")

ALLOWED = {
    "api/operations.py": "the table itself",
    "errors.py": "`image_generation_user_error`, OpenAI's type of refusals by all image paths",
    "guardrails/protocol.py": "what a policy service is told of the field `operation`",
}
"""The modules outside the dialects that hold one of the words, and why."""

RETOUCH = replace(
    GENERATION,
    name="image_retouch",
    rule="edit",
    feature="image_edit",
    event_prefix="image_retouching",
    path="/v1/images/retouches",
    quote_path="/v1/images/retouches/quote",
)
"""An operation that is not in the table."""


def test_only_the_table_and_the_dialects_name_an_operation() -> None:
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    naming = {
        name
        for name, path in modules.items()
        if not name.startswith("dialects/") and any(word in path.read_text() for word in WORDS)
    }

    assert naming == ALLOWED.keys()
    assert (PACKAGE / "errors.py").read_text().count("image_generation") == 1


def test_the_paths_of_all_operations_are_served_and_differ() -> None:
    paths = [path for each in OPERATIONS for path in (each.path, each.quote_path)]

    assert len(set(paths)) == len(paths)
    assert set(paths) <= {each.path for each in ROUTES}


def test_an_operation_brings_its_own_routes() -> None:
    served = [(each.method, each.path) for each in routes_of(RETOUCH)]

    assert served == [("POST", "/v1/images/retouches"), ("POST", "/v1/images/retouches/quote")]


def test_events_are_named_after_the_operation_of_the_plan() -> None:
    planned, call = replace(plan(), operation=RETOUCH), finished_call()
    size = call.images[0].size
    preview = PartialImage(0, 0, Preview(b"aGk="), "png", size, route())

    shown = b"".join(partial_event(planned, preview))
    last = b"".join(completed_event(planned, call, 0, Charge(640_000)))

    assert shown.startswith(b"event: image_retouching.partial_image\n")
    assert last.startswith(b"event: image_retouching.completed\n")


def test_a_model_must_have_the_operation() -> None:
    able = image_model("able", operations={"edit": {}})
    binding = provider_binding("able-openai", model="able")
    view = snapshot(able, image_model(), binding, provider_binding()).view()

    target = resolve("able", None, view, operation=RETOUCH, today=TODAY, supports=lambda *_: True)
    with pytest.raises(BadRequestError, match="`image_retouch`") as refused:
        resolve("canvas", None, view, operation=RETOUCH, today=TODAY, supports=lambda *_: True)

    assert target.model.name == "able"
    assert refused.value.code == "unsupported_operation"
