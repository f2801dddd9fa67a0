"""What a model offers that the input of a hosted model, as its binding describes it, lacks."""

from collections.abc import Iterator

from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.model_input import ModelInput
from tintype_catalog.operations import OperationRule
from tintype_catalog.server_fields import refused_fields


def input_problems(model: ImageModelSpec, fields: ModelInput) -> Iterator[tuple[str, str]]:
    """Yield each field of a binding's `input` that does not fit its model, and why."""
    most, mode = model.limits.max_images_per_call, model.size.mode
    if fields.count is None and most > 1:
        yield "count", f"is needed: `limits.maxImagesPerCall` of the model is {most}"
    if (fields.size == "Omit") != (mode == "None"):
        yield "size", f"is {fields.size}, and `size.mode` of the model is {mode}"
    elif fields.size == "AspectRatio" and mode != "AspectRatio":
        yield "size", f"is AspectRatio, and `size.mode` of the model is {mode}"
    own = {
        name: value for name, value in model.defaults.items() if name in model.provider_parameters
    }
    for path in refused_fields(own, fields):
        yield "allowedFields", f"must list {path}, which is one of the model's `defaults`"
    rules = {name: rule for name, rule in model.rules.items() if name in fields.operations}
    if not rules:
        yield "operations", f"has none of those of the model: {', '.join(model.rules)}"
    for name, rule in rules.items():
        for field, message in _lacking(rule, fields):
            yield field, message.format(name=name)


def _lacking(rule: OperationRule, fields: ModelInput) -> Iterator[tuple[str, str]]:
    """Yield the fields for images that an operation needs, with `{name}` for the operation."""
    if rule.max_images and fields.images is None:
        yield "images", "is needed: `{name}` of the model takes images"
    if rule.max_images > 1 and fields.images is not None and fields.images.form == "One":
        yield "images.form", f"must be List: `{{name}}` of the model takes {rule.max_images} images"
    if rule.mask == "Required" and fields.mask is None:
        yield "mask", "is needed: `{name}` of the model always has a mask"
