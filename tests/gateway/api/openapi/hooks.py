"""What Schemathesis must know beyond the document: the models, and the form of an image."""

import io
import uuid
from typing import Any

import schemathesis
from PIL import Image
from schemathesis import GenerationMode

from tintype_testing.edit_requests import data_url


def png(alpha: int) -> bytes:
    """Return a small image of one color and one transparency."""
    file = io.BytesIO()
    Image.new("RGBA", (16, 16), (0, 128, 128, alpha)).save(file, "png")
    return file.getvalue()


IMAGE, MASK = png(255), png(0)


jobs: list[str] = []
"""The ids of jobs that were submitted."""


@schemathesis.hook
def after_call(context: Any, case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """Note the jobs that there are."""
    del context, case
    if response.status_code == 202:
        jobs.append(response.json()["id"])


def name_a_job(case: schemathesis.Case[Any]) -> None:
    """Ask for a job that exists, where an id is meant to be right."""
    parameters = case.path_parameters or {}
    if jobs and str(parameters.get("id", "")).startswith("job_"):
        case.path_parameters = {**parameters, "id": jobs[-1]}  # other cases share the old ones


def wait_a_second(case: schemathesis.Case[Any]) -> None:
    """Let no response wait for longer than Schemathesis does.

    A case that lacks something on purpose is refused at once. It must not be changed: Schemathesis
    would take it for one that is meant to be right.
    """
    phase = None if case.meta is None else case.meta.phase.data
    is_missing = getattr(phase, "scenario", None) == "missing_parameter"
    if not is_missing and case.headers and "wait=30" in str(case.headers.get("Prefer", "")):
        case.headers["Prefer"] = str(case.headers["Prefer"]).replace("wait=30", "wait=1")


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Name the one model of the catalog, and send images, in every body that is meant to be right.

    No schema says what bytes are an image.
    """
    del context, kwargs
    wait_a_second(case)
    is_meant = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    body: Any = case.body
    if is_meant:
        name_a_job(case)
    if not is_meant or not isinstance(body, dict):
        return
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid.uuid4().hex  # others' bodies would conflict with it
    if isinstance(body.get("model"), str):
        body["model"] = "canvas"
    if "images" in body:
        body["images"] = [data_url(IMAGE)]
    if case.media_type == "multipart/form-data":
        body.pop("image[]", None)
        body["image"] = IMAGE
    if body.get("mask") is not None:
        body["mask"] = data_url(MASK) if "images" in body else MASK
