"""What the tests of `adapt` share."""

from collections.abc import Mapping
from typing import Any

import pytest

from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.pipeline.stages.adapt import Handling, adapt
from tintype_gateway.values.job import Job
from tintype_testing.builders import snapshot, valid
from tintype_testing.manifests import Manifest, image_model


def adapted(
    model: Manifest,
    handling: Handling = "lenient",
    *others: Manifest,
    server_defaults: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Job:
    """Return what the model is asked for by a request with these fields."""
    known = snapshot(model, *others)
    request = valid(known, **fields)
    return adapt(request, known.models[model["spec"]["id"]], handling, server_defaults)


def refusal(model: Manifest, handling: Handling = "lenient", **fields: Any) -> tuple[str, str, str]:
    """Return parameter, code and message of the 400 that a request with these fields gets."""
    with pytest.raises(UnsupportedParameterError) as caught:
        adapted(model, handling, **fields)
    error = caught.value
    assert error.status == 400
    return str(error.param), str(error.code), error.message


def with_rules(**rules: Manifest) -> Manifest:
    """Return a model with rules for some parameters."""
    return image_model(parameters=rules)


def mapping(**values: str) -> Manifest:
    """Return a rule that maps these values, and refuses others."""
    return {"handling": "Map", "values": values}


def clamp(minimum: int, maximum: int) -> Manifest:
    """Return a rule that moves numbers into a range."""
    return {"handling": "Clamp", "minimum": minimum, "maximum": maximum}


ACCEPT: Manifest = {"handling": "Accept"}
STRIP: Manifest = {"handling": "Strip"}
REJECT: Manifest = {"handling": "Reject"}
