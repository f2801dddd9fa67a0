"""What a model offers that the server of a binding, by its options, does not do."""

from collections.abc import Iterator

from tintype_catalog.api_options import ApiOptions
from tintype_catalog.image_model import ImageModelSpec
from tintype_catalog.server_fields import refused_fields


def api_problems(model: ImageModelSpec, options: ApiOptions) -> Iterator[tuple[str, str]]:
    """Yield each field of a binding's `api` that does not fit its model, and why."""
    most = model.limits.max_images_per_call
    if options.send.image_count == "Omit" and most > 1:
        yield (
            "send.imageCount",
            f"is Omit, for a server that makes one image in each call, "
            f"and `limits.maxImagesPerCall` of the model is {most}",
        )
    own = {
        name: value for name, value in model.defaults.items() if name in model.provider_parameters
    }
    for path in refused_fields(own, options):
        yield "allowedFields", f"must list {path}, which is one of the model's `defaults`"
    rules = {name: rule for name, rule in model.rules.items() if name in options.operations}
    if not rules:
        yield "operations", f"has none of those of the model: {', '.join(model.rules)}"
    for name, rule in rules.items():
        if rule.mask == "Required" and options.mask is None:
            yield "mask", f"is needed: `{name}` of the model always has a mask"
