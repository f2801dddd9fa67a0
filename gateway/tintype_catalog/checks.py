"""Checks that a schema cannot express, across fields and objects."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from tintype_catalog.api_checks import api_problems
from tintype_catalog.api_options import DEFAULT_PREFIX
from tintype_catalog.costs import AUTO, rows
from tintype_catalog.image_model import ImageModelSpec, Parameters
from tintype_catalog.input_checks import input_problems
from tintype_catalog.operations import FEATURES
from tintype_catalog.pricing import Bracket, Pricing
from tintype_catalog.problems import Problem
from tintype_catalog.provider_binding import ProviderBindingSpec
from tintype_catalog.providers import SERVICES, Dialect
from tintype_catalog.resources import ImageModel, ProviderBinding
from tintype_catalog.sizes import SIZE, Size, choose
from tintype_catalog.tasks import task_problems
from tintype_catalog.workload_tokens import token_problems

STANDARD_FIELDS = frozenset(
    {
        *{"model", "prompt", "n", "size", "user", "safety_identifier", "response_format"},
        *{"stream", "partial_images"},
        *Parameters.model_fields,
    }
)
"""The standard request fields: those of OpenAI's Images API, and two additional ones."""

DEFAULTABLE_FIELDS = frozenset({"size", *Parameters.model_fields})
"""The standard fields for which a server may have a default."""

INTEGERS = frozenset({"seed", "output_compression"})
"""The integer fields among them; all others are strings."""


Age = Callable[[ImageModel | ProviderBinding], str | None]
"""The creation time of an object; None, the newest, for a kept revision of a faulty object."""


def prefix_clashes(
    models: Iterable[ImageModel], bindings: Iterable[ProviderBinding], created: Age
) -> list[tuple[ImageModel | ProviderBinding, Problem]]:
    """Return the problems of objects that make `PROVIDER/...` ambiguous: a model's id or a
    provider.

    The older object keeps the prefix; with equal ages, the provider label does.
    """
    labels: defaultdict[str, list[ProviderBinding]] = defaultdict(list)
    for binding in bindings:
        labels[binding.spec.provider].append(binding)
    claims: defaultdict[str, list[tuple[ImageModel, str, str]]] = defaultdict(list)
    for model in models:
        for field, model_id in _ids(model.spec).items():
            prefix, slash, _ = model_id.partition("/")
            if slash and prefix in labels:
                claims[prefix].append((model, field, model_id))
    clashes: list[tuple[ImageModel | ProviderBinding, Problem]] = []
    for prefix, claimed in claims.items():
        first = min(labels[prefix], key=lambda item: _rank(created(item)))
        oldest, _, its_id = min(claimed, key=lambda claim: _rank(created(claim[0])))
        if _rank(created(oldest)) < _rank(created(first)):
            message = f"{prefix!r} begins the id {its_id!r} of ImageModel/{oldest.metadata.name}"
            clashes += [
                (item, _duplicate(item, "spec.provider", f"{message}, which is older"))
                for item in labels[prefix]
            ]
        else:
            message = f"must not begin with {prefix}/: {prefix!r} is the provider of"
            message = f"{message} ProviderBinding/{first.metadata.name}, and would be forced by it"
            clashes += [(item, _duplicate(item, field, message)) for item, field, _ in claimed]
    return clashes


def _rank(created: str | None) -> tuple[bool, str]:
    return created is None, created or ""


def _ids(spec: ImageModelSpec) -> dict[str, str]:
    """Return all ids and aliases of a model, by field."""
    aliases = {f"spec.aliases[{index}]": alias for index, alias in enumerate(spec.aliases)}
    return {"spec.id": spec.id} | aliases


def _duplicate(item: ImageModel | ProviderBinding, field: str, message: str) -> Problem:
    return Problem(
        kind=item.kind,
        name=item.metadata.name,
        field=field,
        message=message,
        reason="DuplicateId",
    )


def model_problems(model: ImageModel, taken: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the problems of a model; `taken` maps each id to the object that has it."""
    spec, name = model.spec, model.metadata.name
    ids = _ids(spec)
    for field, model_id in ids.items():
        if model_id in taken:
            message = f"{model_id!r} belongs to ImageModel/{taken[model_id]}: ids must be unique"
            yield _of_model(name, field, message).model_copy(update={"reason": "DuplicateId"})
    if len(set(ids.values())) < len(ids):
        yield _of_model(name, "spec.aliases", "must repeat neither `spec.id` nor each other")
    try:
        choose(spec.size, Size(1024, 1024))
    except ValueError:
        yield _of_model(name, "spec.size", "offers no size at all: its bounds exclude each other")
    dates = spec.lifecycle
    if dates.retires_on and dates.deprecated_on and dates.retires_on < dates.deprecated_on:
        yield _of_model(name, "spec.lifecycle.retiresOn", "must not be before `deprecatedOn`")
    for field in sorted(STANDARD_FIELDS.intersection(spec.provider_parameters)):
        yield _of_model(
            name,
            f"spec.providerParameters.{field}",
            "is a standard field, which no provider parameter may be called",
        )
    for field in sorted(Parameters.model_fields.keys() - INTEGERS):
        if getattr(spec.parameters, field).handling == "Clamp":
            yield _of_model(name, f"spec.parameters.{field}", "is a text: only numbers can Clamp")
    for field in sorted(INTEGERS):
        if getattr(spec.parameters, field).handling == "Map":
            yield _of_model(name, f"spec.parameters.{field}", "is a number: only texts can Map")
    for field in sorted(spec.equivalents):
        parent, _, child = field.partition(".")
        fields = spec.provider_parameters.get(parent)
        if fields is None or (child not in fields if child else bool(fields)):
            yield _of_model(name, f"spec.equivalents.{field}", "is not in `providerParameters`")
    for field, message in default_problems(spec.defaults, spec):
        yield _of_model(name, f"spec.defaults.{field}", message)
    for message in _operation_faults(spec):
        yield _of_model(name, "spec.operations", message)


def _operation_faults(spec: ImageModelSpec) -> Iterator[str]:
    """Yield the contradictions between a model's operations and its other fields."""
    if spec.operations is None:
        return
    if not spec.output_modality.image:
        yield "the model makes no images: `outputModality.image` is false"
    told = {*spec.supported_features} - {FEATURES["generation"]}  # which is the default
    for operation, feature in FEATURES.items():
        if feature in told and spec.operations.rule(operation) is None:
            yield f"`supportedFeatures` lists {feature}, and there is no `{operation}`"


def default_problems(
    defaults: Mapping[str, JsonValue], spec: ImageModelSpec
) -> Iterator[tuple[str, str]]:
    """Yield the defaults that would be invalid in a request for this model, with the reason."""
    for field, value in sorted(defaults.items()):
        if field in DEFAULTABLE_FIELDS:
            kind = int if field in INTEGERS else str
            if not isinstance(value, kind) or isinstance(value, bool):
                yield field, f"must be {'an integer' if kind is int else 'a string'}"
            elif field == "size" and not SIZE.fullmatch(str(value)):
                yield field, "must be `WIDTHxHEIGHT` in pixels, or `auto`"
        elif field not in spec.provider_parameters:
            allowed = ", ".join(sorted(DEFAULTABLE_FIELDS | spec.provider_parameters.keys()))
            yield field, f"must be one of {allowed}"


def binding_problems(
    binding: ProviderBinding, models: Mapping[str, ImageModel]
) -> Iterator[Problem]:
    """Yield the problems of a binding; `models` are the accepted models by object name."""
    name, reference = binding.metadata.name, binding.spec.model_ref.name
    yield from token_problems(binding)
    if reference not in models:
        yield Problem(
            kind="ProviderBinding",
            name=name,
            field="spec.modelRef.name",
            message=f"there is no accepted ImageModel/{reference}",
            reason="ModelNotFound",
            condition="ResolvedRefs",
        )
    elif binding.spec.active:
        model, spec = models[reference].spec, binding.spec
        for field, pricing in _prices(spec):
            for message in _unpriced(model, pricing):
                yield Problem(
                    kind="ProviderBinding",
                    name=name,
                    field=field,
                    message=message,
                    reason="Unpriced",
                )
        for message in _impossible(model, spec.dialect):
            yield Problem(kind="ProviderBinding", name=name, field="spec.dialect", message=message)
        for field, message in api_problems(model, spec.api) if spec.api else ():
            yield Problem(
                kind="ProviderBinding", name=name, field=f"spec.api.{field}", message=message
            )
        for field, message in input_problems(model, spec.input) if spec.input else ():
            yield Problem(
                kind="ProviderBinding", name=name, field=f"spec.input.{field}", message=message
            )


def _impossible(model: ImageModelSpec, dialect: Dialect) -> Iterator[str]:
    """Yield the operations of a model that the dialect does not support."""
    for operation, rule in model.rules.items():
        for message in task_problems(dialect, operation, rule):
            yield f"the operations of {model.id!r}: {message}"


def endpoint_warning(
    dialect: Dialect, endpoint: str | None, path_prefix: str | None = None
) -> str | None:
    """Return why calls to an `endpoint` would probably fail, or None.

    An unusual path is accepted, because a proxy may need it, and so is any path of a binding whose
    `api.pathPrefix` is another one than the dialect's.
    """
    if path_prefix not in (None, DEFAULT_PREFIX):
        return None
    service = SERVICES[dialect]
    base = (endpoint or "").rstrip("/")
    found = service.path_ending.search(urlsplit(base).path)
    if found is None:
        return None
    return (
        f"ends in `{found[0]}`, and the dialect {dialect} adds `{service.path}` by itself: "
        f"leave it out, unless the provider is at `{base}{service.path}`"
    )


def _prices(spec: ProviderBindingSpec) -> Iterator[tuple[str, Pricing]]:
    """Yield each price of a binding with its field."""
    yield "spec.pricing", spec.pricing
    for index, change in enumerate(spec.price_changes):
        yield f"spec.priceChanges[{index}]", change


def _unpriced(model: ImageModelSpec, pricing: Pricing) -> Iterator[str]:
    """Yield the requests of clients that have no price."""
    takes_images = any(rule.max_images for rule in model.rules.values())
    if pricing.type == "per_token" and takes_images and pricing.input_image_tokens is None:
        yield "inputImageTokens must say how many tokens the images of a request take"
    sizes = [Size.parse(size) for size in model.size.sizes]
    tokens = pricing.output_tokens
    for quality, label in _qualities(model).items():
        if tokens is not None and tokens.factors:
            if quality is not None and quality not in tokens.factors:
                yield f"outputTokens.factors must have a factor for {label}"
        elif pricing.prices or tokens is not None:
            table: tuple[Bracket, ...] = tokens.table if tokens is not None else pricing.prices
            if pricing.prices and not any(not row.bounded for row in rows(table, None, quality)):
                yield f"prices must end with a row without maxPixels for {label}, whatever its size"
            elif not all(any(rows(table, size, quality)) for size in sizes):
                yield f"every size that the model offers must have a row for {label}"
            elif not sizes and not any(not row.bounded for row in rows(table, None, quality)):
                yield f"outputTokens.table must end with a row for any size for {label}"


def _qualities(model: ImageModelSpec) -> dict[str | None, str]:
    """Return a label for each possible quality, by the provider's name.

    None means that the provider chooses; `*` means any string from a client.
    """
    rule = model.parameters.quality
    if rule.handling in ("Accept", "Clamp"):
        return {"*": "any quality"}
    names = sorted({*rule.values.values()} - {AUTO})
    return {name: f"quality {name!r}" for name in names} or {None: "every image"}


def _of_model(name: str, field: str, message: str) -> Problem:
    return Problem(kind="ImageModel", name=name, field=field, message=message)
