"""Selects the candidates that take a request and those for failover, and the mode of streaming."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tintype_catalog.api_options import MaskConvention
from tintype_catalog.catalog import Binding
from tintype_catalog.server_fields import GUARDED, NOTHING_LISTED, refused_fields, refused_text
from tintype_gateway.api.requests import ImageRequest
from tintype_gateway.errors import UnsupportedParameterError
from tintype_gateway.values.job import Job
from tintype_gateway.values.routes import Candidate


def able(
    candidates: Sequence[Candidate],
    job: Job,
    mask_convention: Callable[[Binding], MaskConvention | None] | None,
) -> list[Candidate]:
    """Return the candidates whose servers take all of a request, and read its mask alike.

    Args:
        candidates: At least one.
        job: What is asked for, without its images.
        mask_convention: How a provider reads masks. None for a request without a mask.

    Raises:
        UnsupportedParameterError: No candidate takes all of it. It is the error of the first one.
    """
    refusals = [_refusal(each.route.binding, job) for each in candidates]
    taking = [each for each, why in zip(candidates, refusals, strict=True) if why is None]
    if not taking:
        raise next(filter(None, refusals))
    if mask_convention is None:
        return taking
    conventions = [mask_convention(each.route.binding) for each in taking]
    first = next(filter(None, conventions), None)
    if first is None:
        raise UnsupportedParameterError(
            "`mask`: no provider of the model takes one now: leave it out", param="mask"
        )
    return [each for each, own in zip(taking, conventions, strict=True) if own == first]


def _refusal(binding: Binding, job: Job) -> UnsupportedParameterError | None:
    """Return why the server of a binding must not get a request."""
    options = binding.api
    unlisted = NOTHING_LISTED if binding.dialect in GUARDED else None
    listing = options or binding.input or unlisted
    if listing and (field := next(refused_fields(job.extras, listing), None)):
        return UnsupportedParameterError(
            f"`{field}`: the provider {binding.provider!r} does not take it from clients",
            param=field,
        )
    if options is None:
        return None
    for name in ("prompt", "negative_prompt"):
        sent = job.prompt if name == "prompt" else str(job.parameters.get(name, ""))
        if held := refused_text([sent], options):
            return UnsupportedParameterError(
                f"`{name}`: must not hold {held!r}, which the provider {binding.provider!r} "
                "would not read as text",
                param=name,
                code="unsupported_value",
            )
    return None


def choose(
    candidates: Sequence[Candidate], job: Job, streams: Callable[[Binding], bool], most: int
) -> tuple[Candidate, ...]:
    """Return the first candidate and those that it may fail over to, `most` of them at most.

    All bindings of its priority that have a limit of concurrent calls, as it has, are candidates:
    a call goes to the least loaded of them.

    `streams` tells whether a binding's provider streams by itself. Provider parameters belong to
    one dialect: another would refuse or misread them, and reads a mask by another convention.
    """
    spoken = candidates[0].route.binding.dialect

    def can_serve(candidate: Candidate) -> bool:
        binding = candidate.route.binding
        belongs_to_dialect = bool(job.extras) or job.mask is not None
        understood = not belongs_to_dialect or binding.dialect == spoken
        return understood and (not job.streamed or streams(binding))

    able = list(filter(can_serve, candidates))
    first = able[0].route.binding if able else candidates[0].route.binding

    def shares_load(candidate: Candidate) -> bool:
        binding = candidate.route.binding
        limits = first.max_concurrent_calls, binding.max_concurrent_calls
        return None not in limits and binding.priority == first.priority

    return (*able[:most], *filter(shares_load, able[most:]))


def stream(job: Job, fields: ImageRequest, *, native: bool, strict: bool) -> Job:
    """Return the job of a stream; `native` tells whether the provider can stream.

    The gateway can stream the images of every model; previews come from the provider only. OpenAI
    streams neither GIF nor SVG.

    Raises:
        UnsupportedParameterError: The request asks for previews, and handling is strict.
    """
    partial_images = fields.partial_images or 0
    if not fields.stream:
        return job
    if native and (job.encoding is None or job.encoding.is_convertible):
        return replace(job, streamed=True, partial_images=partial_images)
    if partial_images == 0:
        return job
    if strict:
        raise UnsupportedParameterError(
            "`partial_images`: the model gives no previews, and handling is strict",
            param="partial_images",
        )
    return replace(job, adjustments=(*job.adjustments, "partial_images=stripped"))
